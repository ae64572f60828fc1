import { createHash } from "node:crypto";
import {
	clientConfig,
	type DatabaseAddress,
	withConnection,
} from "../connection";
import { readManifest } from "../copy/manifest";
import { ExitCode, MigrationError } from "../errors";
import { type Options, sourceOf } from "../options";
import { ident } from "../sql";
import { runImport } from "./import";
import { runVerify } from "./verify";

/** What a restored export was found to hold. */
export interface Proven {
	readonly tables: number;
	readonly rows: number;
	readonly seconds: number;
}

/**
 * Proves that an export restores: into a database made for it in the source's own
 * cluster, held against the manifest there, and dropped again. One that a killed run
 * has left is dropped first. The cluster needs room for the data once more.
 *
 * @throws MigrationError where it does not restore (as import words it), or (exit 3)
 * where what was restored is not what was exported.
 */
export async function proveExport(
	options: Options,
	directory: string,
): Promise<Proven> {
	const startedAt = performance.now();
	const maker = makerOf(options);
	const name = scratchName(options);
	await drop(maker, name);
	await sql(maker, `CREATE DATABASE ${ident(name)} TEMPLATE template0`).catch(
		(error: unknown) => {
			throw mayNotCreate(maker, error);
		},
	);
	try {
		const url = new URL(maker.url);
		url.pathname = `/${name}`;
		const scratch: Options = {
			...options,
			source: undefined,
			target: url.href,
			directory,
			environment: { TARGET_DATABASE_CA: maker.ca },
			createSchema: true,
			withUserMap: (await readManifest(directory)).userMap !== null,
			allowUnmapped: true,
		};
		await runImport(scratch);
		const { json } = await runVerify(scratch);
		if (json.equal !== true) throw notEqual(json.differences);
		return {
			tables: Number(json.tables),
			rows: Number(json.rows),
			seconds: (performance.now() - startedAt) / 1000,
		};
	} finally {
		await drop(maker, name);
	}
}

/** object_in_use, insufficient_privilege */
const [IN_USE, DENIED] = ["55006", "42501"];

/**
 * Drops the database of the proof. Plainly first, which cancels an autovacuum at work
 * in it; by force it would be refused, as that worker is a superuser's. By force only
 * where sessions of a killed run are left.
 */
async function drop(maker: DatabaseAddress, name: string): Promise<void> {
	const statement = `DROP DATABASE IF EXISTS ${ident(name)}`;
	for (let attempt = 1; ; attempt++)
		try {
			await sql(maker, statement);
			return;
		} catch (error) {
			if ((error as { code?: string }).code !== IN_USE || attempt === 5)
				throw error;
			await sql(maker, `${statement} WITH (FORCE)`).catch(
				(refused: { code?: string }) => {
					if (refused.code !== DENIED) throw refused;
				},
			);
		}
}

/** By whom the database of the proof is made: the source's own role may not be allowed to. */
function makerOf(options: Options): DatabaseAddress {
	const { url, ca } = sourceOf(options);
	const { PROOF_DATABASE_URL } = options.environment;
	return { label: "cluster", url: PROOF_DATABASE_URL ?? url, ca };
}

/** The same in every run, so that the next one finds what a killed one has left. */
function scratchName(options: Options): string {
	const { database } = clientConfig(sourceOf(options));
	const digest = createHash("sha256").update(database ?? "");
	return `cutover_proof_${digest.digest("hex").slice(0, 12)}`;
}

async function sql(maker: DatabaseAddress, statement: string): Promise<void> {
	await withConnection(maker, { readOnly: false }, async (client) => {
		await client.query(statement);
	});
}

function mayNotCreate({ url }: DatabaseAddress, error: unknown): unknown {
	const { code, message } = error as { code?: string; message?: string };
	if (code !== DENIED) return error;
	return new MigrationError(
		{
			expected: "a role that may create the database of the proof",
			found: `${message} (${decodeURIComponent(new URL(url).username)})`,
			fix: "give one that may in PROOF_DATABASE_URL: at DigitalOcean, the cluster's doadmin",
		},
		ExitCode.refused,
	);
}

function notEqual(differences: unknown): MigrationError {
	return new MigrationError(
		{
			expected: "the export, once restored, to be what was exported",
			found: JSON.stringify(differences),
			fix: "export again; where it stays so, the cluster or the disk is damaged",
		},
		ExitCode.differences,
	);
}
