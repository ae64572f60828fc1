import { randomBytes } from "node:crypto";
import { Client } from "pg";
import { createNewSchema } from "../freshtrack/full";
import { createOldTables, createSourceSchema } from "../freshtrack/schema";
import {
	type LocalPostgres,
	type PostgresVersion,
	startLocalPostgres,
} from "../postgres";

/** A database of one test, seen as its owner and as the superuser. */
export interface Database {
	/** URL of the role that the migration uses: never a superuser. */
	readonly url: string;
	readonly superuserUrl: string;
}

const servers = new Map<PostgresVersion, Promise<LocalPostgres>>();
const password = randomBytes(16).toString("hex");
let databases = 0;

// A root hook: the servers serve all test files and stop once at the end.
after(async () => {
	for (const server of servers.values()) await (await server).stop();
	servers.clear();
});

/**
 * An empty database on a server of the given version, owned by a plain role. The
 * server is the one that all tests share, unless one is given.
 */
export async function emptyDatabase(
	version: PostgresVersion,
	on?: LocalPostgres,
): Promise<Database> {
	const server = on ?? (await startOnce(version));
	const name = `migration_${++databases}`;
	const superuserUrl = await server.createDatabase(name);
	const role = version === 15 ? "postgres" : "doadmin";
	await run(
		superuserUrl,
		`
		DO $$ BEGIN
			IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') THEN
				CREATE ROLE ${role} LOGIN CREATEROLE CREATEDB BYPASSRLS;
			END IF;
		END $$;
		ALTER ROLE ${role} PASSWORD '${password}';
		ALTER DATABASE ${name} OWNER TO ${role};
		ALTER SCHEMA public OWNER TO ${role};
		`,
	);
	return { url: as(role, superuserUrl), superuserUrl };
}

/** The old system without data: Supabase's schemas, the tables, their seeds. */
export async function emptySource(): Promise<Database> {
	const database = await emptyDatabase(15);
	await using(database.superuserUrl, createSourceSchema);
	return database;
}

/** A target of the source's shape, without data: the tables and their seeds. */
export async function emptyTarget(): Promise<Database> {
	const database = await emptyDatabase(17);
	await using(database.url, createOldTables);
	return database;
}

/** The new system, which has another shape, as its own migrations leave it. */
export async function newSystem(): Promise<Database> {
	const database = await emptyDatabase(17);
	await using(database.url, createNewSchema);
	return database;
}

/** An empty source and target, and the environment that names them to the command line. */
export async function emptyPair() {
	const [source, target] = [await emptyDatabase(15), await emptyDatabase(17)];
	const env: Record<string, string> = {
		SOURCE_DATABASE_URL: source.url,
		TARGET_DATABASE_URL: target.url,
	};
	return { source, target, env };
}

/** Runs SQL in a session of its own; gives the last statement's rows. */
export async function run(
	url: string,
	sql: string,
	// biome-ignore lint/suspicious/noExplicitAny: rows of whatever the test asked for
): Promise<any[]> {
	return using(url, async (client) => {
		const result = await client.query(sql);
		return (Array.isArray(result) ? result.at(-1) : result).rows;
	});
}

/** Opens a session for `work` and closes it. */
export async function using<T>(
	url: string,
	work: (client: Client) => Promise<T>,
): Promise<T> {
	const client = new Client({ connectionString: url });
	await client.connect();
	try {
		return await work(client);
	} finally {
		await client.end();
	}
}

/** The same database as another role, which has the tests' password. */
export function as(role: string, url: string): string {
	const address = new URL(url);
	address.username = role;
	address.password = password;
	return address.href;
}

function startOnce(version: PostgresVersion): Promise<LocalPostgres> {
	const server = servers.get(version) ?? startLocalPostgres({ version });
	servers.set(version, server);
	return server;
}
