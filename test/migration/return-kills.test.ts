import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { Client } from "pg";
import { migrateHere, refused } from "./cli";
import { type Database, emptyPair, run } from "./databases";
import { until } from "./export-fixture";

const CLI = join(__dirname, "../../migration/cli.ts");

const SCHEMA = `
	CREATE TABLE sites (id integer PRIMARY KEY, name text);
	CREATE TABLE units (id integer PRIMARY KEY, site_id integer NOT NULL REFERENCES sites ON DELETE CASCADE, name text);
	CREATE TABLE readings (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, unit_id integer REFERENCES units ON DELETE SET NULL, value numeric);
	CREATE TABLE mails (id bigint GENERATED ALWAYS AS IDENTITY, body text);
	CREATE FUNCTION mail() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN INSERT INTO public.mails (body) VALUES (TG_OP); RETURN NULL; END $$;
	CREATE TRIGGER mail AFTER INSERT OR UPDATE OR DELETE ON units FOR EACH ROW EXECUTE FUNCTION mail();
	CREATE RULE no_tour AS ON INSERT TO sites WHERE new.name = 'tour' DO INSTEAD NOTHING;
	INSERT INTO sites SELECT n, 'site ' || n FROM generate_series(1, 20) n;
	INSERT INTO units SELECT n, 1 + n % 20, 'unit ' || n FROM generate_series(1, 100) n;
	INSERT INTO readings (unit_id, value) SELECT 1 + n % 100, n FROM generate_series(1, 1000) n;
	DELETE FROM mails;
`;

const WORK = `
	INSERT INTO sites VALUES (30, 'new');
	UPDATE sites SET name = 'tour' WHERE id = 30;
	INSERT INTO units VALUES (200, 30, 'new');
	INSERT INTO readings (unit_id, value) SELECT 200, n FROM generate_series(1, 500) n;
	UPDATE units SET name = name || '!' WHERE id <= 50;
	DELETE FROM sites WHERE id = 7;
`;

/** All that decides what happens at a write: what a return may change for a moment only. */
const RULES = `
	SELECT tgrelid::regclass::text AS "table", tgname AS "name", tgenabled::text AS "is" FROM pg_trigger WHERE NOT tgisinternal
	UNION ALL SELECT ev_class::regclass::text, rulename, ev_enabled::text FROM pg_rewrite WHERE ev_class::regclass::text = 'sites'
	UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) || convalidated FROM pg_constraint WHERE contype = 'f'
	ORDER BY 1, 2
`;

describe("sync --reverse --drain, killed", function () {
	this.timeout(120_000);
	let source: Database;
	let target: Database;
	let env: Record<string, string>;
	let rules: unknown;
	let rows: string;

	const rowsOf = async ({ url }: Database) => {
		const [{ digest }] = await run(
			url,
			`SELECT concat_ws(' ', ${["sites", "units", "readings", "mails"].map((name) => `(SELECT count(*) || '/' || coalesce(sum(hashtext(t::text)), 0) FROM ${name} t)`).join(", ")}) AS digest`,
		);
		return digest as string;
	};
	const returning = (): ChildProcess =>
		spawn(
			process.execPath,
			["--import", "tsx", CLI, "sync", "--reverse", "--drain"],
			{ env: { ...process.env, ...env }, stdio: "ignore" },
		);
	const killed = async (child: ChildProcess) => {
		const ended = new Promise((resolve) => child.once("close", resolve));
		child.kill("SIGKILL");
		await ended;
	};
	/** One of our own sessions waits for a lock there. */
	const waits = (database: Database) => async () =>
		(
			await run(
				database.superuserUrl,
				`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
					AND application_name LIKE 'cutover-migration sync%'`,
			)
		).length > 0;
	/** Nobody but us is in there any more, whatever the server has to finish. */
	const alone = (database: Database) =>
		until(
			async () =>
				(
					await run(
						database.superuserUrl,
						"SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'cutover-migration%'",
					)
				).length === 0,
		);

	beforeEach(async () => {
		({ source, target, env } = await emptyPair());
		await run(source.url, SCHEMA);
		await migrateHere(["sync"], env);
		await migrateHere(["freeze"], env);
		await migrateHere(["sync", "--drain"], env);
		rules = await run(source.url, RULES);
		rows = await rowsOf(source);
		await migrateHere(["sync", "--reverse"], env);
		assert.deepEqual(
			await run(source.url, RULES),
			rules,
			"touched at the switch",
		);
		await run(target.url, WORK);
		await migrateHere(["freeze"], { SOURCE_DATABASE_URL: target.url });
	});

	async function converges(): Promise<void> {
		const { exitCode } = await migrateHere(
			["sync", "--reverse", "--drain"],
			env,
		);
		assert.equal(exitCode, 0);
		await migrateHere(["sync", "--reverse", "--remove"], env);
		assert.deepEqual(await run(source.url, RULES), rules);
		assert.equal(await rowsOf(source), await rowsOf(target));
		const { json } = await migrateHere(["verify"], env);
		assert.deepEqual(json.differences, []);
	}

	/** The drain stops at a lock that we hold, is killed there, and the lock goes. */
	async function killedAt(database: Database, lock: string): Promise<void> {
		const holder = new Client({ connectionString: database.superuserUrl });
		await holder.connect();
		await holder.query(`BEGIN; ${lock}`);
		const child = returning();
		try {
			await until(waits(database));
		} finally {
			await killed(child);
			await holder.query("ROLLBACK");
			await holder.end();
		}
		await Promise.all([alone(source), alone(target)]);
	}

	it("while it waits for the source's tables: nothing has changed there", async () => {
		await killedAt(source, "LOCK TABLE public.sites IN ACCESS SHARE MODE");
		assert.deepEqual(await run(source.url, RULES), rules);
		assert.equal(await rowsOf(source), rows);
		await converges();
	});

	it("in the midst of the rows, triggers and keys aside: nothing has changed there", async () => {
		// It is asked for when the rows are in, before triggers and keys come back.
		await run(
			source.url,
			"CREATE TABLE IF NOT EXISTS cutover.proof (schema_name text, table_name text, rows bigint, digest numeric, proven_at timestamptz)",
		);
		await killedAt(source, "LOCK TABLE cutover.proof");
		assert.deepEqual(await run(source.url, RULES), rules);
		assert.equal(await rowsOf(source), rows);
		await converges();
	});

	it("behind the source's commit, before the journal knows: the same rows come again", async () => {
		await killedAt(target, "SELECT FROM cutover.journal FOR UPDATE");
		assert.deepEqual(await run(source.url, RULES), rules);
		assert.equal(await rowsOf(source), await rowsOf(target));
		assert.equal(
			(await migrateHere(["sync", "--reverse", "--state"], env)).json.drained,
			false,
		);
		await converges();
	});

	it("is refused where nobody has noted the target's writes, and while it takes some", async () => {
		await migrateHere(["unfreeze"], { SOURCE_DATABASE_URL: target.url });
		const open = await refused(["sync", "--reverse", "--drain"], env);
		assert.match(open.expected, /target that is frozen/);
		await migrateHere(["sync", "--reverse", "--remove"], env);
		const unnoted = await refused(["sync", "--reverse", "--drain"], env);
		assert.equal(unnoted.exitCode, 4);
		assert.match(unnoted.found, /no journal/);
		assert.equal(await rowsOf(source), rows);
		const following = await refused(["sync", "--reverse", "--follow"], env);
		assert.equal(following.exitCode, 2);
	});
});
