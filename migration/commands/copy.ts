import type { ClientBase } from "pg";
import { createSchema } from "../catalog/ddl";
import type { Definition } from "../catalog/definitions";
import { describeLeftOut, type LeftOut } from "../catalog/left-out";
import { tryMaintenance } from "../catalog/maintenance";
import { readOffer } from "../catalog/offer";
import { describeOthers } from "../catalog/pg-dump";
import { planSchema } from "../catalog/plan/plan";
import { readCatalog } from "../catalog/read";
import { readSchemas } from "../catalog/schemas";
import { type Catalog, tableName } from "../catalog/types";
import { withConnection } from "../connection";
import { type Addresses, type CopyResult, copyRoutes } from "../copy/live";
import { CopyProof } from "../copy/proof";
import { dropRecord, ensureRecord, hasRecord } from "../copy/record";
import { selectTables } from "../copy/select";
import { readSequences, setSequences } from "../copy/sequences";
import { type Difference, describeDifference } from "../digest/difference";
import { ExitCode, MigrationError } from "../errors";
import { type Options, sourceOf, targetOf } from "../options";
import { size } from "../progress";
import { sameShape } from "../route";
import type { Outcome } from "./outcome";

/**
 * Fills an empty database with the source's schema and rows, as of one moment.
 * With `--proof` every table's digest is compared as well.
 */
export async function runCopy(options: Options): Promise<Outcome> {
	const addresses = { source: sourceOf(options), target: targetOf(options) };
	const { metrics } = options;
	metrics.phase("schema");
	const made = await makeSchema(addresses, options);
	metrics.phase("copy");
	const routes = made.catalog.tables.map(sameShape);
	const proof = options.proof ? new CopyProof(routes, options.jobs) : undefined;
	const result = await copyRoutes(
		addresses,
		{ routes, definitions: made.definitions },
		{
			jobs: options.jobs,
			onProgress: (read) => options.metrics.follow(read),
			...(proof && {
				beside: (snapshot, rows) => proof.tasks(snapshot, rows),
			}),
		},
	);
	await finish(addresses, made.catalog);
	const differences = proof?.differences();
	if (differences) metrics.set("cutover_proof_differences", differences.length);
	return report(made, result, differences);
}

interface MadeSchema {
	/** Of the source: all of the application's schemas. */
	readonly catalog: Catalog;
	/** What wrote the schema's statements. */
	readonly means: string;
	readonly definitions: readonly Definition[];
	readonly leftOut: readonly LeftOut[];
}

/** Makes the source's bare tables in an empty target. */
async function makeSchema(
	addresses: Addresses,
	options: Options,
): Promise<MadeSchema> {
	return withConnection(addresses.source, { readOnly: true }, (source) =>
		withConnection(addresses.target, { readOnly: false }, async (target) => {
			const { catalog: found, means } = await describeOthers(
				await tryMaintenance(
					await readCatalog(source, await readSchemas(source)),
					addresses.source,
				),
				addresses.source,
			);
			const catalog = {
				...found,
				tables: selectTables(found, options.exclude),
			};
			await target.query("BEGIN");
			await refuseFilled(target);
			const offer = await readOffer(target, catalog);
			await target.query(createSchema(catalog, offer));
			await ensureRecord(target);
			await target.query("COMMIT");
			const { definitions, leftOut } = planSchema(catalog, offer);
			return { catalog, means, definitions, leftOut };
		}),
	);
}

async function refuseFilled(target: ClientBase): Promise<void> {
	const unfinished = await hasRecord(target);
	const schemas = await readSchemas(target);
	const { tables } = await readCatalog(target, schemas);
	const [first] = tables;
	if (!unfinished && !first) return;
	throw new MigrationError(
		{
			expected: "an empty target",
			found: unfinished
				? "what a copy that was cut short has left"
				: `${tables.length} tables, for instance ${first && tableName(first)}`,
			fix: unfinished
				? "make the database anew, then copy; sync is what goes on where it stood"
				: "give a new database; sync fills one that has its tables already",
		},
		ExitCode.refused,
	);
}

async function finish(
	{ source, target }: Addresses,
	catalog: Catalog,
): Promise<void> {
	await withConnection(source, { readOnly: true }, (from) =>
		withConnection(target, { readOnly: false }, async (to) => {
			// No snapshot holds sequences: read last, they cover every copied row.
			const values = await readSequences(from, catalog.sequences);
			await setSequences(to, values, catalog.sequences);
			await dropRecord(to);
			await to.query("DROP SCHEMA cutover");
		}),
	);
}

function report(
	{ catalog, means, leftOut }: MadeSchema,
	result: CopyResult,
	differences: readonly Difference[] | undefined,
): Outcome {
	const counts = Object.fromEntries(
		[...result.counts].map(([{ to }, rows]) => [tableName(to), rows]),
	);
	return {
		json: {
			tables: catalog.tables.length,
			rows: result.rows,
			bytes: result.bytes,
			chunks: result.chunks,
			snapshotAt: result.snapshotAt,
			...(differences && { equal: differences.length === 0, differences }),
			schemaBy: means,
			leftOut,
			counts,
		},
		lines: [
			`copied ${result.rows} rows of ${catalog.tables.length} tables, ${size(result.bytes)}, as of ${result.snapshotAt}`,
			`schema made by ${means}`,
			...(differences?.length === 0
				? ["proven equal: every digest is the source's"]
				: []),
			...(differences ?? []).map(describeDifference),
			...leftOut.map((entry) => `left out: ${describeLeftOut(entry)}`),
		],
		exitCode: differences?.length ? ExitCode.differences : ExitCode.done,
	};
}
