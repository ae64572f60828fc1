import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { clientConfig, type DatabaseAddress } from "../connection";
import { ident } from "../sql";
import { isForPgDump } from "./plan/types";
import type { Catalog } from "./types";

const run = promisify(execFile);

/** Bytes of a list or script that are read at most: a schema's are a few MB. */
const MOST_OUTPUT = 64 * 1024 * 1024;

/** A catalog, and by what means its statements are written, for people. */
export interface Described {
	readonly catalog: Catalog;
	readonly means: string;
}

/**
 * Has pg_dump tell how the objects are made that our own DDL does not write:
 * aggregates, operators, casts, collations, text search. Everything else is made by
 * our own DDL, which needs no tool and a fifth of the time. Where pg_dump is not on
 * PATH, too old for the source, or fails, these objects stay behind.
 */
export async function describeOthers(
	catalog: Catalog,
	source: DatabaseAddress,
): Promise<Described> {
	const wanted = catalog.others.filter(
		({ kind, statements }) => statements === null && isForPgDump(kind),
	);
	if (wanted.length === 0) return { catalog, means: "own DDL" };
	const major = Math.floor(catalog.server.version / 10000);
	const version = await pgDumpVersion();
	if (version === null || Number.parseInt(version, 10) < major)
		return {
			catalog,
			means: `own DDL (${version === null ? "no pg_dump on PATH" : `pg_dump ${version} is older than the source`}: ${wanted.length} objects stay behind)`,
		};
	try {
		const statements = await dump(
			source,
			catalog.platform.otherSchemas,
			new Set(wanted.map(({ oids }) => oids)),
		);
		const others = catalog.others.map((other) => {
			const sql = statements.get(other.oids);
			return sql === undefined ? other : { ...other, statements: [sql] };
		});
		const kinds = [...new Set(wanted.map(({ kind }) => kind))].join(", ");
		return {
			catalog: { ...catalog, others },
			means: `own DDL, and pg_dump ${version} for ${statements.size} objects that it does not write (${kinds})`,
		};
	} catch (error) {
		const { stderr } = error as { stderr?: string };
		const [first] = (stderr || (error as Error).message).split("\n");
		return {
			catalog,
			means: `own DDL (pg_dump failed: ${first}; ${wanted.length} objects stay behind)`,
		};
	}
}

async function pgDumpVersion(): Promise<string | null> {
	try {
		const { stdout } = await run("pg_dump", ["--version"]);
		return /(\d+(\.\d+)*)/.exec(stdout)?.[1] ?? null;
	} catch {
		return null;
	}
}

/** The statement of each wanted object, by its OIDs (`class/oid`). */
async function dump(
	source: DatabaseAddress,
	excludedSchemas: readonly string[],
	wanted: ReadonlySet<string>,
): Promise<Map<string, string>> {
	const directory = await mkdtemp(join(tmpdir(), "schema-"));
	try {
		const archive = join(directory, "archive");
		const list = join(directory, "list");
		const options = {
			env: { ...process.env, ...(await environment(source, directory)) },
			maxBuffer: MOST_OUTPUT,
		};
		await run(
			"pg_dump",
			[
				"--schema-only",
				"--no-owner",
				"--no-privileges",
				"--no-password",
				"--section=pre-data",
				"--lock-wait-timeout=30s",
				...[...excludedSchemas, "cutover"].map(
					(name) => `--exclude-schema=${ident(name)}`,
				),
				"--format=custom",
				`--file=${archive}`,
			],
			options,
		);
		const contents = await run("pg_restore", ["--list", archive], options);
		await writeFile(list, chosenEntries(contents.stdout, wanted));
		const { stdout } = await run(
			"pg_restore",
			[
				"--verbose",
				"--no-owner",
				"--no-comments",
				`--use-list=${list}`,
				"--file=-",
				archive,
			],
			options,
		);
		return statementsOf(stdout);
	} finally {
		await rm(directory, { recursive: true, force: true });
	}
}

/** Address and password by the environment, as arguments are open to all processes. */
async function environment(
	source: DatabaseAddress,
	directory: string,
): Promise<Record<string, string>> {
	const { host, port, user, password, database, ssl } = clientConfig(source);
	const mode = new URL(source.url).searchParams.get("sslmode");
	const ca = join(directory, "ca.pem");
	if (source.ca) await writeFile(ca, source.ca);
	return {
		PGHOST: `${host}`,
		PGPORT: `${port}`,
		PGUSER: `${user}`,
		PGPASSWORD: `${password}`,
		PGDATABASE: `${database}`,
		PGSSLMODE: mode ?? (ssl === false ? "disable" : "require"),
		PGAPPNAME: "cutover-migration",
		...(source.ca ? { PGSSLROOTCERT: ca } : {}),
	};
}

/** Lines of the list name an entry by its number, then the object by its OIDs. */
function chosenEntries(list: string, wanted: ReadonlySet<string>): string {
	return list
		.split("\n")
		.filter((line) => {
			const [, catalog, oid] = /^\d+; (\d+) (\d+) /.exec(line) ?? [];
			return wanted.has(`${catalog}/${oid}`);
		})
		.join("\n");
}

/** The verbose script heads each entry's SQL with a comment that holds its OIDs. */
function statementsOf(script: string): Map<string, string> {
	const statements = new Map<string, string>();
	const [, ...entries] = script.split(/^--\n-- TOC entry /m);
	for (const entry of entries) {
		const [, catalog, oid] =
			/^\d+ \(class (\d+) OID (\d+)\)\n/.exec(entry) ?? [];
		const body = entry.slice(entry.indexOf("\n--\n") + 4).split(/^--$/m)[0];
		if (catalog && oid && body)
			statements.set(`${catalog}/${oid}`, body.trim().replace(/;$/, ""));
	}
	return statements;
}
