import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { type LocalPostgres, startLocalPostgres } from "../postgres";
import { completeSource, createNewSchema } from "./full";
import { fillSource } from "./generate";
import { createSourceSchema } from "./schema";

/** Facts of the product, where this checkout has them at hand. */
const FACTS =
	process.env.CUTOVER_FRESHTRACK ??
	join(__dirname, "..", "..", "..", "shared", "freshtrack");

describe("the complete FreshTrack schemas", () => {
	const servers: LocalPostgres[] = [];
	const clients: Client[] = [];
	let source: Client;
	let target: Client;

	before(async () => {
		source = await database(15);
		await createSourceSchema(source);
		await fillSource(source, { hours: 2 });
		await completeSource(source);
		target = await database(17);
		await createNewSchema(target);
	});
	after(async () => {
		for (const client of clients) await client.end();
		for (const server of servers) await server.stop();
	});

	async function database(version: 15 | 17): Promise<Client> {
		const server = await startLocalPostgres({ version });
		servers.push(server);
		const client = new Client({
			connectionString: await server.createDatabase("complete"),
		});
		await client.connect();
		clients.push(client);
		return client;
	}

	async function columns(client: Client): Promise<string[]> {
		const { rows } = await client.query(`
			SELECT concat_ws(E'\\t', relname, attname, format_type(atttypid, atttypmod), attnotnull::text, atthasdef::text) AS line
			FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
			WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped`);
		return rows.map(({ line }) => line as string).sort();
	}

	it("have 68 tables with 1,093 columns on the old side and 29 with 330 on the new", async () => {
		const old = await columns(source);
		assert.equal(new Set(old.map((line) => line.split("\t")[0])).size, 68);
		assert.equal(old.length, 1093);
		const young = await columns(target);
		assert.equal(new Set(young.map((line) => line.split("\t")[0])).size, 29);
		assert.equal(young.length, 330);
	});

	it("are what the product's catalogs say, where those are at hand", async () => {
		for (const [client, file] of [
			[source, "source-columns.tsv"],
			[target, "target-columns.tsv"],
		] as const) {
			const path = join(FACTS, file);
			if (!existsSync(path)) continue;
			const [, ...lines] = readFileSync(path, "utf8").trim().split("\n");
			assert.deepEqual(await columns(client), lines.sort(), file);
		}
	});

	it("have rows in every table of the old side, none on the new", async () => {
		const filled = async (client: Client) => {
			const { rows } = await client.query(
				"SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'",
			);
			const found: string[] = [];
			for (const { name } of rows)
				if ((await client.query(`SELECT FROM public.${name} LIMIT 1`)).rowCount)
					found.push(name);
			return found.length;
		};
		assert.equal(await filled(source), 68);
		assert.equal(await filled(target), 0);
	});

	it("are Supabase's as before: postgres owns all tables", async () => {
		const { rows } = await source.query(
			"SELECT count(*)::int AS others FROM pg_tables WHERE schemaname = 'public' AND tableowner <> 'postgres'",
		);
		assert.equal(rows[0].others, 0);
	});
});
