import type { ClientBase } from "pg";
import { createSchema, leftOut } from "../catalog/ddl";
import { definitionsOf } from "../catalog/definitions";
import { describeLeftOut } from "../catalog/left-out";
import { readCatalog } from "../catalog/read";
import { type Catalog, tableName } from "../catalog/types";
import { withConnection } from "../connection";
import { type Addresses, type CopyResult, copyRoutes } from "../copy/live";
import { CopyProof } from "../copy/proof";
import { dropRecord, ensureRecord } from "../copy/record";
import { selectTables } from "../copy/select";
import { readSequences, setSequences } from "../copy/sequences";
import { type Difference, describeDifference } from "../digest/compare";
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
	const catalog = await prepare(addresses, options);
	const routes = catalog.tables.map(sameShape);
	const proof = options.proof ? new CopyProof(routes, options.jobs) : undefined;
	const result = await copyRoutes(
		addresses,
		{ routes, definitions: definitionsOf(catalog) },
		{
			jobs: options.jobs,
			...(proof && {
				beside: (snapshot, rows) => proof.tasks(snapshot, rows),
			}),
		},
	);
	await finish(addresses, catalog);
	return report(catalog, result, proof?.differences());
}

/** Makes the bare tables in an empty target; gives what is copied. */
async function prepare(
	addresses: Addresses,
	options: Options,
): Promise<Catalog> {
	return withConnection(addresses.source, { readOnly: true }, (source) =>
		withConnection(addresses.target, { readOnly: false }, async (target) => {
			const found = await readCatalog(source);
			const catalog = {
				...found,
				tables: selectTables(found, options.exclude),
			};
			await target.query("BEGIN");
			await refuseFilled(target);
			await target.query(createSchema(catalog));
			await ensureRecord(target);
			await target.query("COMMIT");
			return catalog;
		}),
	);
}

async function refuseFilled(target: ClientBase): Promise<void> {
	const { tables } = await readCatalog(target, ["public", "cutover"]);
	if (tables.length === 0) return;
	const unfinished = tables.some(({ name }) => name === "copy_chunk");
	throw new MigrationError(
		{
			expected: "an empty target",
			found: unfinished
				? "a copy that was cut short"
				: `${tables.length} tables, for instance ${tableName(tables[0] as (typeof tables)[0])}`,
			fix: "give a new database; for a target with the application's own tables use sync",
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
	catalog: Catalog,
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
			leftOut: leftOut(catalog),
			counts,
		},
		lines: [
			`copied ${result.rows} rows of ${catalog.tables.length} tables, ${size(result.bytes)}, as of ${result.snapshotAt}`,
			...(differences?.length === 0
				? ["proven equal: every digest is the source's"]
				: []),
			...(differences ?? []).map(describeDifference),
			...leftOut(catalog).map(
				(entry) => `left out: ${describeLeftOut(entry)}`,
			),
		],
		exitCode: differences?.length ? ExitCode.differences : ExitCode.done,
	};
}
