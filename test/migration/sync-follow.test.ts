import assert from "node:assert/strict";
import { migrateHere, Running } from "./cli";
import { type Database, emptyPair, run } from "./databases";
import { LossyTcp } from "./lossy-tcp";

const SCHEMA = `
	CREATE TABLE things (id integer PRIMARY KEY, note text);
	INSERT INTO things SELECT n FROM generate_series(1, 100) n;
	CREATE TABLE parts (id integer PRIMARY KEY, thing_id integer NOT NULL REFERENCES things);
	INSERT INTO parts VALUES (1, 1);
	CREATE TABLE keyless (a text);
	INSERT INTO keyless VALUES ('a');
`;

/** A sync that follows, in its own process. */
class Following extends Running {
	constructor(env: Record<string, string>, args: readonly string[] = []) {
		super(["sync", "--follow", "--json", ...args], env);
	}
}

describe("sync --follow", () => {
	let source: Database;
	let target: Database;
	let env: Record<string, string>;
	let following: Following | undefined;

	beforeEach(async () => {
		({ source, target, env } = await emptyPair());
		await run(source.url, SCHEMA);
	});
	afterEach(async () => {
		await following?.stop("SIGKILL");
		following = undefined;
	});

	/** Waits for a condition of the target's rows. */
	async function until(condition: string): Promise<void> {
		for (;;) {
			const [row] = await run(
				target.url,
				`SELECT ${condition} AS "holds"`,
			).catch(() => []);
			if (row?.holds) return;
			const ended = await Promise.race([
				following?.ended,
				new Promise((resolve) => setTimeout(resolve, 50, "not yet")),
			]);
			assert.equal(ended, "not yet", following?.stderr);
		}
	}

	const noted = (note: string) =>
		`EXISTS (SELECT FROM things WHERE note = '${note}')`;

	it("follows until it is told to stop, shows its lag, and ends well", async () => {
		const port = 20_000 + Math.floor(Math.random() * 20_000);
		following = new Following(env, ["--metrics-port", String(port)]);
		await until("(SELECT count(*) FROM things) = 100");
		await run(source.url, "UPDATE things SET note = 'one' WHERE id = 1");
		await until(noted("one"));
		const metrics = await (
			await fetch(`http://127.0.0.1:${port}/metrics`)
		).text();
		const value = (name: string) =>
			Number(
				new RegExp(`^${name}\\{direction="forward"\\} (\\S+)$`, "m").exec(
					metrics,
				)?.[1],
			);
		assert.ok(value("cutover_sync_rows_applied_total") >= 2);
		assert.ok(value("cutover_sync_cycles_total") >= 1);
		assert.ok(value("cutover_sync_copied_bytes") > 1000);
		assert.ok(value("cutover_sync_lag_rows") <= 1);
		assert.ok(value("cutover_sync_lag_seconds") < 5);
		assert.ok(
			Date.now() / 1000 - value("cutover_sync_last_cycle_timestamp_seconds") <
				60,
		);
		assert.equal(await following.stop(), 0, following.stderr);
		const json = JSON.parse(following.stdout);
		assert.equal(json.rowsWritten >= 1, true);
		assert.deepEqual(json.keyless, [
			{ table: "keyless", bytes: json.keyless[0].bytes, rows: null, copies: 0 },
		]);
	});

	it("shows its metrics where it is told to, also while the source is silent", async () => {
		const { proxy, url } = await LossyTcp.before(source.url);
		try {
			const port = 20_000 + Math.floor(Math.random() * 20_000);
			following = new Following({ ...env, SOURCE_DATABASE_URL: url }, [
				...["--metrics-host", "127.0.0.2", "--metrics-port", String(port)],
			]);
			await until("(SELECT count(*) FROM things) = 100");
			await run(source.url, "UPDATE things SET note = 'one' WHERE id = 1");
			await until(noted("one"));
			await assert.rejects(fetch(`http://127.0.0.1:${port}/metrics`));
			const up = async () => {
				const metrics = await fetch(`http://127.0.0.2:${port}/metrics`, {
					signal: AbortSignal.timeout(5000),
				});
				return /^cutover_sync_up\S* (\d)$/m.exec(await metrics.text())?.[1];
			};
			assert.equal(await up(), "1");
			proxy.act = () => "hang";
			// One after the other as well: nobody queues behind a question that hangs.
			assert.deepEqual(await Promise.all([up(), up(), up()]), ["0", "0", "0"]);
			assert.equal(await up(), "0");
		} finally {
			await proxy.stop();
		}
	});

	it("goes on after a drain, from before the source is opened again", async () => {
		await migrateHere(["sync", "--proof"], env);
		await migrateHere(["freeze"], env);
		await migrateHere(["sync", "--drain"], env);
		following = new Following(env);
		// Its session, not ours: the drain's has ended.
		await until(
			"EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
		);
		await migrateHere(["unfreeze"], env);
		await run(
			source.url,
			"UPDATE things SET note = 'thawed' WHERE id = 1; INSERT INTO parts VALUES (2, 2)",
		);
		await until(noted("thawed"));
		assert.equal(await following.stop(), 0, following.stderr);
		await migrateHere(["freeze"], env);
		await migrateHere(["sync", "--drain"], env);
		const { json } = await migrateHere(["verify", "--since-baseline"], env);
		assert.equal(json.equal, true);
	});

	it("empties a table that others refer to, in a database that it made itself", async () => {
		following = new Following(env);
		await until("(SELECT count(*) FROM things) = 100");
		await run(
			source.url,
			"TRUNCATE things CASCADE; INSERT INTO things VALUES (1, 'fresh')",
		);
		await until(noted("fresh"));
		assert.deepEqual(
			await run(
				target.url,
				'SELECT (SELECT count(*) FROM things)::int AS "things", (SELECT count(*) FROM parts)::int AS "parts"',
			),
			[{ things: 1, parts: 0 }],
		);
	});

	it("stops at a change of a table (exit 4), and says what to do", async () => {
		following = new Following(env);
		await until("(SELECT count(*) FROM things) = 100");
		await run(source.url, "ALTER TABLE things ADD extra integer");
		assert.equal(await following.ended, 4);
		assert.match(
			following.stderr,
			/things: column extra \(integer\) was added/,
		);
		assert.match(following.stderr, /--recopy/);
	});

	it("stops at a new table that nobody follows (exit 4)", async () => {
		following = new Following(env);
		await until("(SELECT count(*) FROM things) = 100");
		await run(source.url, "CREATE TABLE newcomer (id integer)");
		assert.equal(await following.ended, 4);
		assert.match(following.stderr, /new: public.newcomer/);
	});

	it("lets no second sync beside it", async () => {
		following = new Following(env);
		await until("(SELECT count(*) FROM things) = 100");
		const second = new Following(env, ["--lock-timeout", "1"]);
		assert.equal(await second.ended, 4);
		assert.match(second.stderr, /cutover-migration sync .*:\d+ \(process \d+/);
		await run(source.url, "UPDATE things SET note = 'two' WHERE id = 1");
		await until(noted("two"));
	});

	it("copies a table without key no more often than it should, and at last when drained", async () => {
		following = new Following(env);
		await until("(SELECT count(*) FROM keyless) = 1");
		await run(source.url, "INSERT INTO keyless VALUES ('b')");
		await until("(SELECT count(*) FROM keyless) = 2");
		await run(
			source.url,
			"INSERT INTO keyless VALUES ('c'); UPDATE things SET note = 'after' WHERE id = 1",
		);
		await until(noted("after"));
		assert.equal((await run(target.url, "SELECT FROM keyless")).length, 2);
		await following.stop();
		await migrateHere(["freeze"], env);
		const { json } = await migrateHere(["sync", "--drain"], env);
		assert.equal(json.lagRows, 0);
		assert.equal((await run(target.url, "SELECT FROM keyless")).length, 3);
		assert.deepEqual(
			(json.keyless as { rows: number; copies: number }[]).map(
				({ rows, copies }) => [rows, copies],
			),
			[[3, 1]],
		);
	});

	it("carries back what the new database wrote, user ids as the old one knows them", async () => {
		const USERS = `
			CREATE TABLE people (id uuid PRIMARY KEY, name text);
			CREATE TABLE posts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, author uuid, body text);
		`;
		const [old, fresh] = ["1", "2"].map(
			(digit) => `00000000-0000-0000-0000-00000000000${digit}`,
		);
		await run(
			source.url,
			`${USERS} INSERT INTO people VALUES ('${old}', 'Ada'); INSERT INTO posts (author, body) VALUES ('${old}', 'first')`,
		);
		await run(
			target.url,
			`CREATE SCHEMA cutover;
			CREATE TABLE cutover.user_map (old_id uuid PRIMARY KEY, new_id uuid UNIQUE, state text);
			INSERT INTO cutover.user_map VALUES ('${old}', '${fresh}', 'moved')`,
		);
		const named = [
			"--user-column",
			"people.id",
			"--user-column",
			"posts.author",
		];
		await migrateHere(["sync", ...named], env);
		assert.deepEqual(await run(target.url, "SELECT author FROM posts"), [
			{ author: fresh },
		]);
		await migrateHere(["freeze"], env);
		await migrateHere(["sync", "--drain", ...named], env);
		await migrateHere(["sync", "--reverse", ...named], env);
		// The switch: from here on the new database is written to.
		await run(
			target.url,
			`INSERT INTO posts (author, body) VALUES ('${fresh}', 'second'); UPDATE people SET name = 'Ada L.';
			UPDATE things SET note = 'back' WHERE id = 1; DELETE FROM things WHERE id = 2`,
		);
		const here = { SOURCE_DATABASE_URL: target.url };
		const back = ["sync", "--reverse", "--drain", ...named];
		await assert.rejects(migrateHere(back, env), /target that is frozen/);
		await migrateHere(["freeze"], here);
		const { json } = await migrateHere(back, env);
		assert.equal(json.direction, "back");
		assert.deepEqual(
			await run(source.url, "SELECT author, body FROM posts ORDER BY id"),
			[
				{ author: old, body: "first" },
				{ author: old, body: "second" },
			],
		);
		assert.deepEqual(await run(source.url, "SELECT id, name FROM people"), [
			{ id: old, name: "Ada L." },
		]);
		await assert.rejects(run(source.url, "DELETE FROM things"), /frozen/);
		// The return was called off, the new database served on, and then it comes.
		await migrateHere(["unfreeze"], here);
		await run(target.url, "INSERT INTO things VALUES (200, 'last')");
		await migrateHere(["freeze"], here);
		await migrateHere(back, env);
		await migrateHere(["sync", "--reverse", "--remove"], env);
		await migrateHere(["unfreeze"], env);
		assert.equal(
			(await run(source.url, "SELECT FROM things WHERE id IN (2, 200)")).length,
			1,
		);
		const [next] = await run(
			source.url,
			"INSERT INTO posts (body) VALUES ('third') RETURNING id",
		);
		assert.equal(next.id, "3");
		// And the old one can be followed again from there.
		await migrateHere(["unfreeze"], { SOURCE_DATABASE_URL: target.url });
		await migrateHere(["sync", ...named], env);
		const { json: verified } = await migrateHere(["verify", ...named], env);
		assert.deepEqual(verified.differences, []);
	});

	it("names what goes back that the old database has no place for, and brings the rest", async () => {
		await run(
			source.superuserUrl,
			"CREATE SCHEMA auth; CREATE TABLE auth.users (id uuid PRIMARY KEY); GRANT USAGE ON SCHEMA auth TO postgres; GRANT SELECT, REFERENCES ON auth.users TO postgres",
		);
		const [known, signedUp] = ["1", "2"].map(
			(digit) => `00000000-0000-0000-0000-00000000000${digit}`,
		);
		await run(
			source.superuserUrl,
			`INSERT INTO auth.users VALUES ('${known}')`,
		);
		await run(
			source.url,
			`
			CREATE TABLE profiles (id integer PRIMARY KEY, user_id uuid NOT NULL REFERENCES auth.users);
			CREATE TABLE teams (id integer PRIMARY KEY, made_by uuid REFERENCES auth.users, name text);
			CREATE TABLE seats (id integer PRIMARY KEY, profile_id integer NOT NULL REFERENCES profiles ON DELETE CASCADE, team_id integer REFERENCES teams);
			INSERT INTO profiles VALUES (1, '${known}'); INSERT INTO teams VALUES (1, '${known}', 'one'); INSERT INTO seats VALUES (1, 1, 1)`,
		);
		await migrateHere(["sync"], env);
		await migrateHere(["freeze"], env);
		await migrateHere(["sync", "--drain"], env);
		await migrateHere(["sync", "--reverse"], env);
		await run(
			target.url,
			`INSERT INTO profiles VALUES (2, '${signedUp}'); INSERT INTO teams VALUES (2, '${signedUp}', 'two');
			INSERT INTO seats VALUES (2, 2, 2), (3, 1, 2); UPDATE profiles SET user_id = '${signedUp}' WHERE id = 1;
			UPDATE teams SET name = 'changed' WHERE id = 1; UPDATE things SET note = 'x' WHERE id = 1`,
		);
		await migrateHere(["freeze"], { SOURCE_DATABASE_URL: target.url });
		await migrateHere(["sync", "--reverse", "--drain"], env);
		const rows = (table: string) =>
			run(
				source.url,
				`SELECT t::text AS "row" FROM ${table} t ORDER BY id`,
			).then((found) => found.map(({ row }) => row));
		assert.deepEqual(await rows("profiles"), [`(1,${known})`]);
		assert.deepEqual(await rows("teams"), [`(1,${known},changed)`, "(2,,two)"]);
		assert.deepEqual(await rows("seats"), ["(1,1,1)", "(3,1,2)"]);
		assert.deepEqual(
			await run(
				source.url,
				`SELECT route || ' ' || key::text || ' ' || reason AS "what" FROM cutover.reject ORDER BY 1`,
			).then((found) => found.map(({ what }) => what)),
			[
				"profiles {1} user_id has no parent",
				"profiles {2} user_id has no parent",
				"seats {2} profile_id has no parent",
				"teams {2} made_by has no parent: left empty",
			],
		);
		// The proof of a return knows them, and nothing else.
		const proof = () => migrateHere(["verify", "--returned"], env);
		const { exitCode, json } = await proof();
		assert.equal(exitCode, 0);
		assert.deepEqual(json.withoutWayBack, [
			{ table: "profiles", reason: "user_id has no parent", rows: 2 },
			{ table: "seats", reason: "profile_id has no parent", rows: 1 },
			{
				table: "teams",
				reason: "made_by has no parent: left empty",
				rows: 1,
			},
		]);
		await migrateHere(["unfreeze"], env);
		await run(source.url, "UPDATE teams SET name = 'lost' WHERE id = 1");
		const lost = await proof();
		assert.equal(lost.exitCode, 3);
		assert.deepEqual(
			(lost.json.differences as { table: string; kind: string }[]).map(
				({ table, kind }) => `${table} ${kind}`,
			),
			["teams changed"],
		);
	});
});
