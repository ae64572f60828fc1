import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CREATE_USER_MAP } from "../../migration/users/map";
import { migrateHere, refused } from "./cli";
import { type Database, emptySource, emptyTarget, run } from "./databases";

/** Two people, whom every kind of user column names, and a third nobody moved. */
const DATA = `
	INSERT INTO auth.users (id, email) VALUES
		('00000000-0000-0000-0000-00000000000a', 'a@example.com'),
		('00000000-0000-0000-0000-00000000000b', 'b@example.com'),
		('00000000-0000-0000-0000-00000000000c', 'c@example.com');
	TRUNCATE user_sync_log;
	INSERT INTO organizations (id, name, slug, deleted_by)
	VALUES ('10000000-0000-0000-0000-000000000000', 'Cold', 'cold', '00000000-0000-0000-0000-00000000000b');
	UPDATE profiles SET vacation_alternate_user_id = '00000000-0000-0000-0000-00000000000b'
	WHERE user_id = '00000000-0000-0000-0000-00000000000a';
	TRUNCATE user_sync_log;
	INSERT INTO event_logs (event_type, organization_id, actor_id)
	SELECT 'log-in', '10000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-00000000000a'
	FROM generate_series(1, 50);
`;
const MAP = `
	INSERT INTO cutover.user_map (old_id, new_id, state) VALUES
		('00000000-0000-0000-0000-00000000000a', 'aaaaaaaa-0000-4000-8000-000000000000', 'moved'),
		('00000000-0000-0000-0000-00000000000b', 'bbbbbbbb-0000-4000-8000-000000000000', 'moved'),
		('00000000-0000-0000-0000-00000000000c', NULL, 'skipped');
`;

describe("import into the new application's own schema", () => {
	let source: Database;
	let target: Database;
	let directory: string;
	let env: Record<string, string>;
	const importing = () => ["import", "--dir", directory];

	before(async () => {
		source = await emptySource();
		await run(source.superuserUrl, `SET search_path = public; ${DATA}`);
		directory = await mkdtemp(join(tmpdir(), "import-"));
		await migrateHere(["export", "--dir", directory], {
			SOURCE_DATABASE_URL: source.url,
		});
	});
	after(() => rm(directory, { recursive: true, force: true }));
	beforeEach(async () => {
		target = await emptyTarget();
		env = {
			SOURCE_DATABASE_URL: source.url,
			TARGET_DATABASE_URL: target.url,
		};
		await run(target.url, `${CREATE_USER_MAP}; ${MAP}`);
	});

	it("replaces the seeds, which have other ids on both sides", async () => {
		const seeds = "SELECT slug, id FROM alarm_definitions ORDER BY slug";
		const expected = await run(source.url, seeds);
		assert.equal(expected.length, 71);
		assert.notDeepEqual(await run(target.url, seeds), expected);
		const { json } = await migrateHere(importing(), env);
		assert.deepEqual(json.removals, [
			{ table: "alarm_definitions", rows: 71, what: "seeds" },
			{ table: "sensor_catalog", rows: 38, what: "seeds" },
		]);
		assert.deepEqual(await run(target.url, seeds), expected);
		assert.equal((await migrateHere(["verify"], env)).exitCode, 0);
	});

	it("rewrites every column that names a user, also those without a foreign key", async () => {
		const { json } = await migrateHere(importing(), env);
		assert.deepEqual(
			await run(
				target.url,
				"SELECT user_id, vacation_alternate_user_id FROM profiles ORDER BY email",
			),
			[
				{
					user_id: "aaaaaaaa-0000-4000-8000-000000000000",
					vacation_alternate_user_id: "bbbbbbbb-0000-4000-8000-000000000000",
				},
				{
					user_id: "bbbbbbbb-0000-4000-8000-000000000000",
					vacation_alternate_user_id: null,
				},
				{
					user_id: "00000000-0000-0000-0000-00000000000c",
					vacation_alternate_user_id: null,
				},
			],
		);
		assert.deepEqual(
			await run(
				target.url,
				"SELECT actor_id, count(*)::int AS n FROM event_logs GROUP BY 1",
			),
			[{ actor_id: "aaaaaaaa-0000-4000-8000-000000000000", n: 50 }],
		);
		assert.equal(json.unmappedIds, 1);
	});

	it("verifies with new ids counting as the old ones, and sees a wrong one", async () => {
		await migrateHere(importing(), env);
		assert.equal((await migrateHere(["verify"], env)).exitCode, 0);
		await run(
			target.url,
			"UPDATE profiles SET user_id = 'bbbbbbbb-0000-4000-8000-000000000001' WHERE email = 'b@example.com'",
		);
		const { exitCode, json } = await migrateHere(["verify"], env);
		assert.equal(exitCode, 3);
		assert.deepEqual(
			(json.differences as { columns: string[] }[]).map(
				({ columns }) => columns,
			),
			[["user_id"]],
		);
	});

	it("fires no trigger and leaves triggers and foreign keys as they were", async () => {
		await run(
			target.url,
			`
			CREATE TABLE fired (what text);
			CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN INSERT INTO public.fired VALUES (TG_TABLE_NAME || TG_OP); RETURN NULL; END $$;
			CREATE TRIGGER plain AFTER INSERT ON profiles FOR EACH ROW EXECUTE FUNCTION fire();
			CREATE TRIGGER always AFTER INSERT ON organizations FOR EACH STATEMENT EXECUTE FUNCTION fire();
			ALTER TABLE organizations ENABLE ALWAYS TRIGGER always;
			CREATE TRIGGER off AFTER INSERT ON organizations FOR EACH ROW EXECUTE FUNCTION fire();
			ALTER TABLE organizations DISABLE TRIGGER off;
			CREATE TRIGGER emptied AFTER TRUNCATE ON sensor_catalog FOR EACH STATEMENT EXECUTE FUNCTION fire();
			`,
		);
		const state = `
			SELECT tgrelid::regclass::text AS table, tgname AS name, tgenabled::text AS state FROM pg_trigger WHERE NOT tgisinternal
			UNION ALL
			SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) || convalidated FROM pg_constraint WHERE contype = 'f'
			UNION ALL
			SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
			ORDER BY 1, 2, 3
		`;
		const before = await run(target.url, state);
		await migrateHere(importing(), env);
		assert.deepEqual(await run(target.url, "SELECT * FROM fired"), []);
		assert.deepEqual(await run(target.url, state), before);
	});

	it("can be repeated, with the same end", async () => {
		await migrateHere(importing(), env);
		const { json } = await migrateHere(importing(), env);
		assert.ok(
			(json.removals as { what: string }[]).every(
				({ what }) => what === "earlier import",
			),
		);
		assert.equal((await migrateHere(["verify"], env)).exitCode, 0);
	});

	it("refuses to remove rows that came since the last import, until told to", async () => {
		await migrateHere(importing(), env);
		await run(
			target.url,
			"INSERT INTO organizations (name, slug) VALUES ('new customer', 'new')",
		);
		const error = await refused(importing(), env);
		assert.equal(error.exitCode, 4);
		assert.match(error.found, /organizations \(2 rows\)/);
		assert.equal(
			(await run(target.url, "SELECT FROM organizations")).length,
			2,
		);
		await migrateHere([...importing(), "--replace"], env);
		assert.equal(
			(await run(target.url, "SELECT FROM organizations")).length,
			1,
		);
	});

	it("takes rows that name a user for no seeds", async () => {
		await run(
			target.url,
			"INSERT INTO organizations (name, slug, deleted_by) VALUES ('x', 'x', gen_random_uuid())",
		);
		assert.equal((await refused(importing(), env)).exitCode, 4);
	});

	it("refuses while users have no decision, and a frozen target", async () => {
		await run(
			target.url,
			"DELETE FROM cutover.user_map WHERE state = 'skipped'",
		);
		const undecided = await refused(importing(), env);
		assert.equal(undecided.exitCode, 4);
		assert.match(undecided.found, /none for 1, .*0000000c/);
		await migrateHere(["freeze"], { SOURCE_DATABASE_URL: target.url });
		assert.match((await refused(importing(), env)).found, /write barrier/);
		await migrateHere(["unfreeze"], { SOURCE_DATABASE_URL: target.url });
	});

	it("changes nothing when a file is not what was exported", async () => {
		const [folder = ""] = (await readdir(directory)).filter((name) =>
			name.startsWith("data-"),
		);
		const file = join(directory, folder, "sensor_readings.copy.br");
		const other = join(directory, folder, "door_events.copy.br");
		const content = await readFile(file);
		await writeFile(file, (await readFile(other)).subarray(0, -8));
		const seeds = "SELECT id FROM alarm_definitions ORDER BY id";
		const before = await run(target.url, seeds);
		await assert.rejects(migrateHere(importing(), env));
		await writeFile(file, content);
		assert.deepEqual(await run(target.url, seeds), before);
		assert.equal(
			(await run(target.url, "SELECT FROM organizations")).length,
			0,
		);
	});

	it("lists what the target cannot take", async () => {
		await run(
			target.url,
			`
			DROP TABLE user_sync_log;
			ALTER TABLE organizations DROP COLUMN timezone;
			ALTER TABLE sites ALTER COLUMN name TYPE varchar(10);
			`,
		);
		const error = await refused(importing(), env);
		assert.equal(error.exitCode, 2);
		assert.deepEqual(error.found.split(/\n\s*/), [
			"organizations.timezone: the target has no such column",
			"sites.name: text on the source, character varying(10) on the target",
			"user_sync_log: the target has no such table",
		]);
	});
});

describe("an export that was cut short", () => {
	it("is not taken for whole", async () => {
		const directory = await mkdtemp(join(tmpdir(), "import-"));
		try {
			await writeFile(join(directory, "manifest.json.part"), "{");
			const error = await refused(["import", "--dir", directory], {
				TARGET_DATABASE_URL: "postgres://nobody@127.0.0.1:1/none",
			});
			assert.equal(error.exitCode, 2);
			assert.match(error.expected, /a whole export/);
		} finally {
			await rm(directory, { recursive: true });
		}
	});
});
