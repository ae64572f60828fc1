import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFile, readdir, readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import type { Manifest } from "../../migration/copy/manifest";
import { CREATE_USER_MAP } from "../../migration/users/map";
import { migrateHere, refused, withDirectory } from "./cli";
import { type Database, emptyDatabase, emptySource, run } from "./databases";
import {
	DATA,
	dataFolder,
	FILES,
	LARGE_ROWS,
	start,
	until,
} from "./export-fixture";
import { LossyTcp } from "./lossy-tcp";

describe("export", () => {
	let source: Database;
	before(async () => {
		source = await emptyDatabase(15);
		await run(source.url, DATA);
		await run(source.url, "ANALYZE");
	});
	afterEach(() => migrateHere(["unfreeze", "--source", source.url]));

	const exportTo = (directory: string, url = source.url, ...args: string[]) =>
		migrateHere(["export", "--dir", directory, "--source", url, ...args]);
	const manifestOf = async (directory: string): Promise<Manifest> =>
		JSON.parse(await readFile(join(directory, "manifest.json"), "utf8"));

	/** What an export holds, without what differs from run to run. */
	async function content(directory: string) {
		return (await manifestOf(directory)).tables.map(
			({ name, rows, digest }) => ({ name, rows, digest }),
		);
	}

	/** An export made now holds the same. */
	async function sameAsAnew(directory: string): Promise<void> {
		await withDirectory(async (other) => {
			await exportTo(other);
			assert.deepEqual(await content(directory), await content(other));
		});
	}

	/** Restores an export into an empty database and verifies it against the source. */
	async function restores(directory: string): Promise<Database> {
		const target = await emptyDatabase(17);
		const env = { TARGET_DATABASE_URL: target.url };
		await migrateHere(["import", "--create-schema", "--dir", directory], env);
		const { exitCode, json } = await migrateHere(
			["verify", "--dir", directory, "--source", source.url],
			env,
		);
		assert.equal(exitCode, 0, JSON.stringify(json.differences));
		return target;
	}

	it("divides what is large or partitioned, and restores it whole", () =>
		withDirectory(async (directory) => {
			const { json } = await exportTo(directory);
			assert.equal(json.files, FILES);
			const { tables } = await manifestOf(directory);
			const large = tables.find(({ name }) => name === "large");
			assert.equal(large?.files.length, 2);
			assert.equal(large?.rows, LARGE_ROWS);
			const target = await restores(directory);
			const made = `
				SELECT conname AS name, pg_get_constraintdef(oid) AS as FROM pg_constraint WHERE connamespace = 'public'::regnamespace
				UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2
			`;
			const keys = (rows: { name: string }[]) =>
				rows.filter(({ name }) => !name.endsWith("_not_null"));
			assert.deepEqual(
				keys(await run(target.url, made)),
				keys(await run(source.url, made)),
			);
			assert.deepEqual(
				await run(
					target.url,
					"SELECT nspname FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid WHERE relname = 'copy_chunk'",
				),
				[],
			);
		}));

	it("goes on with a new session where one is lost, also in the middle of a file", () =>
		withDirectory(async (directory) => {
			const { proxy, url } = await LossyTcp.before(source.url);
			try {
				let cuts = 0;
				proxy.act = ({ fromServer }) =>
					fromServer > 8_000_000 && cuts++ === 0 ? "cut" : "pass";
				await exportTo(directory, url);
				assert.ok(cuts > 0, "nothing was cut");
			} finally {
				await proxy.stop();
			}
			await restores(directory);
		}));

	it("says so when the session is lost that holds the snapshot, and leaves nothing", () =>
		withDirectory(async (directory) => {
			const { proxy, url } = await LossyTcp.before(source.url);
			try {
				// The first connection holds the snapshot that the others import.
				proxy.act = ({ connection, fromServer }) => {
					if (connection > 1 && fromServer > 4_000_000) proxy.cut(1);
					return "pass";
				};
				const error = await refused([
					...["export", "--dir", directory, "--source", url],
					...["--jobs", "1"],
				]);
				assert.equal(error.exitCode, 1);
				assert.match(error.found, /the snapshot with it/);
			} finally {
				await proxy.stop();
			}
			assert.deepEqual(await readdir(directory), []);
		}));

	describe("that was cut short", () => {
		/** Kills an export while the large table's files are under way and all others are whole. */
		async function killed(directory: string): Promise<void> {
			const { proxy, url } = await LossyTcp.before(source.url);
			proxy.act = ({ fromServer }) =>
				fromServer > 8_000_000 ? "hang" : "pass";
			const child = start("export", "--dir", directory, "--source", url);
			const ended = once(child, "exit");
			await until(async () => (await finished(directory)) === FILES - 2);
			child.kill("SIGKILL");
			await ended;
			await proxy.stop();
		}

		it("is taken up where the source is frozen, with the files that are whole", () =>
			withDirectory(async (directory) => {
				await migrateHere(["freeze", "--source", source.url]);
				await killed(directory);
				// A crash may cut the last line; and the disk may have lost a file's end.
				const folder = await dataFolder(directory);
				await appendFile(join(folder, "finished.jsonl"), '{"part":"large');
				await truncate(join(folder, "small_3.copy.br"), 10);
				const { json } = await exportTo(directory, source.url, "--resume");
				assert.equal(json.filesDoneBefore, FILES - 3);
				assert.deepEqual(
					(await readdir(folder)).filter((name) => /json/.test(name)),
					[],
				);
				await sameAsAnew(directory);
				await restores(directory);
			}));

		it("begins anew for tables that the barrier did not close", () =>
			withDirectory(async (directory) => {
				await migrateHere(["freeze", "--source", source.url]);
				await killed(directory);
				await run(
					source.url,
					`
					DROP TRIGGER cutover_barrier ON small_2;
					INSERT INTO small_2 VALUES (0, 'slipped in');
					`,
				);
				const { json } = await exportTo(directory, source.url, "--resume");
				assert.equal(json.filesDoneBefore, FILES - 3);
				await sameAsAnew(directory);
				await run(source.url, "DELETE FROM small_2 WHERE id = 0");
			}));

		it("is not taken up under another freeze, or none", () =>
			withDirectory(async (directory) => {
				await migrateHere(["freeze", "--source", source.url]);
				await killed(directory);
				await migrateHere(["unfreeze", "--source", source.url]);
				const resume = ["export", "--resume", "--dir", directory];
				const none = await refused([...resume, "--source", source.url]);
				assert.equal(none.exitCode, 4);
				assert.match(none.found, /not frozen/);
				await migrateHere(["freeze", "--source", source.url]);
				const other = await refused([...resume, "--source", source.url]);
				assert.equal(other.exitCode, 4);
				const { json } = await exportTo(directory);
				assert.equal(json.filesDoneBefore, 0);
				assert.equal((await readdir(directory)).length, 2);
			}));

		it("leaves no account where the source is open: it cannot be taken up", () =>
			withDirectory(async (directory) => {
				const { proxy, url } = await LossyTcp.before(source.url);
				proxy.act = ({ fromServer }) =>
					fromServer > 8_000_000 ? "hang" : "pass";
				const child = start("export", "--dir", directory, "--source", url);
				const ended = once(child, "exit");
				await until(
					async () =>
						(await readdir(await dataFolder(directory))).length >= FILES,
				);
				child.kill("SIGKILL");
				await ended;
				await proxy.stop();
				const { json } = await exportTo(directory, source.url, "--resume");
				assert.equal(json.filesDoneBefore, 0);
				await sameAsAnew(directory);
			}));
	});
});

describe("an export's users", () => {
	it("are named where text holds their ids, which nothing rewrites", () =>
		withDirectory(async (directory) => {
			const source = await emptySource();
			await run(
				source.superuserUrl,
				`
				SET search_path = public;
				INSERT INTO auth.users (id, email) VALUES (md5('a')::uuid, 'a@example.com');
				TRUNCATE user_sync_log;
				INSERT INTO organizations (name, slug) VALUES (md5('a')::uuid::text, 'slug');
				`,
			);
			const { json, lines } = await migrateHere([
				...["export", "--dir", directory, "--source", source.url],
			]);
			assert.deepEqual(json.textUserColumns, ["organizations.name"]);
			assert.ok(
				lines.some((line) =>
					/organizations\.name .*NOT be rewritten/.test(line),
				),
			);
		}));

	it("go along with their map out of the new system, and come back with it", () =>
		withDirectory(async (directory) => {
			const system = await emptyDatabase(17);
			await run(
				system.url,
				`
				CREATE TABLE profiles (id integer PRIMARY KEY, user_id uuid);
				INSERT INTO profiles VALUES (1, md5('new a')::uuid), (2, md5('signed up later')::uuid);
				${CREATE_USER_MAP}
				INSERT INTO cutover.user_map (old_id, new_id, state, sent) VALUES
					(md5('a')::uuid, md5('new a')::uuid, 'moved', '{"fields": {"display_name": "x"}, "accounts": []}'),
					(md5('b')::uuid, NULL, 'skipped', NULL);
				CREATE TABLE cutover.user_column (schema_name text, table_name text, column_name text, reason text);
				INSERT INTO cutover.user_column VALUES ('public', 'profiles', 'user_id', 'foreign key');
				`,
			);
			await migrateHere(["export", "--dir", directory, "--source", system.url]);
			const rows =
				"SELECT old_id, new_id, state, sent FROM cutover.user_map ORDER BY 1";
			const restore = (url: string, ...args: string[]) => [
				...["import", "--create-schema", "--dir", directory],
				...["--target", url, ...args],
			];
			const plain = await emptyDatabase(17);
			await migrateHere(restore(plain.url));
			assert.deepEqual(await run(plain.url, rows), []);
			const whole = await emptyDatabase(17);
			const { json } = await migrateHere(restore(whole.url, "--with-user-map"));
			assert.equal(json.users, 2);
			assert.deepEqual(await run(whole.url, rows), await run(system.url, rows));
			assert.deepEqual(
				await run(whole.url, "SELECT * FROM cutover.user_column"),
				await run(system.url, "SELECT * FROM cutover.user_column"),
			);
			// Both hold the new system's ids.
			for (const { url } of [plain, whole])
				assert.equal(
					(await migrateHere(["verify", "--dir", directory, "--target", url]))
						.exitCode,
					0,
				);
			const other = await emptyDatabase(17);
			await run(
				other.url,
				`${CREATE_USER_MAP} INSERT INTO cutover.user_map (old_id, new_id, state) VALUES (md5('a')::uuid, md5('else')::uuid, 'moved')`,
			);
			const error = await refused(restore(other.url, "--with-user-map"));
			assert.equal(error.exitCode, 4);
			assert.match(error.found, /another map, with 1 users/);
		}));
});

/** Files that an export that is under way has finished. */
async function finished(directory: string): Promise<number> {
	const folder = await dataFolder(directory).catch(() => "");
	const text = await readFile(join(folder, "finished.jsonl"), "utf8").catch(
		() => "",
	);
	return text.split("\n").length - 1;
}
