import assert from "node:assert/strict";
import { Client } from "pg";
import { type LocalPostgres, startLocalPostgres } from "../postgres";
import { createOldTables, createSourceSchema } from "./schema";

describe("the reduced FreshTrack schema", () => {
	const servers: LocalPostgres[] = [];
	const clients: Client[] = [];
	let source: Client;
	let target: Client;

	before(async () => {
		source = await database(15, "source", true);
		await createSourceSchema(source);
		target = await database(17, "target");
		await createOldTables(target);
	});

	after(async () => {
		for (const client of clients) await client.end();
		for (const server of servers) await server.stop();
	});

	async function database(
		version: 15 | 17,
		name: string,
		tls = false,
	): Promise<Client> {
		const server = await startLocalPostgres({ version, tls });
		servers.push(server);
		const client = new Client({
			connectionString: await server.createDatabase(name),
			ssl: server.ca ? { ca: server.ca } : false,
		});
		await client.connect();
		clients.push(client);
		return client;
	}

	async function shape(client: Client): Promise<string[]> {
		const { rows } = await client.query(`
			SELECT format('%s.%s %s%s', relname, attname, format_type(atttypid, atttypmod),
				CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END) AS line
			FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
			WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0
			ORDER BY relname, attnum`);
		return rows.map((row) => row.line as string);
	}

	it("is alike on a target of the same shape, seeds with equal keys and unequal ids", async () => {
		assert.deepEqual(await shape(target), await shape(source));
		for (const [table, key, count] of [
			["alarm_definitions", "slug", 71],
			["sensor_catalog", "manufacturer || ' ' || model", 38],
		] as const) {
			const read = async (client: Client, column: string) =>
				(
					await client.query(
						`SELECT ${column} AS value FROM ${table} ORDER BY ${key}`,
					)
				).rows.map((row) => row.value);
			assert.equal((await read(source, "id")).length, count);
			assert.deepEqual(await read(target, key), await read(source, key));
			assert.notDeepEqual(await read(target, "id"), await read(source, "id"));
		}
	});

	it("gives the old side Supabase's owners: postgres owns public, is no superuser and does not own auth", async () => {
		const { rows } = await source.query(`
			SELECT
				(SELECT rolsuper FROM pg_roles WHERE rolname = 'postgres') AS superuser,
				(SELECT count(*)::int FROM pg_tables WHERE schemaname = 'public' AND tableowner <> 'postgres') AS foreign_tables,
				(SELECT tableowner FROM pg_tables WHERE schemaname = 'auth' AND tablename = 'users') AS auth_owner`);
		assert.deepEqual(rows[0], {
			superuser: false,
			foreign_tables: 0,
			auth_owner: "supabase_auth_admin",
		});
	});

	it("fires the old side's triggers on ordinary writes and none for a load under replica role", async () => {
		await source.query("SET ROLE postgres");
		const outbox = async () =>
			(await source.query("SELECT count(*)::int AS count FROM user_sync_log"))
				.rows[0].count as number;
		await source.query(
			"INSERT INTO auth.users (id, email) VALUES (gen_random_uuid(), 'fires@example.com')",
		);
		assert.equal(await outbox(), 1);
		await source.query("SET session_replication_role = replica");
		await source.query(
			"INSERT INTO auth.users (id, email) VALUES (gen_random_uuid(), 'silent@example.com')",
		);
		assert.equal(await outbox(), 1);
		await source.query("RESET session_replication_role");
		await source.query("RESET ROLE");
	});
});
