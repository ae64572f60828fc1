import { proveBaseline } from "../digest/baseline";
import { type Difference, describeDifference } from "../digest/difference";
import { planBetween } from "../digest/plan";
import type { Verification } from "../digest/verify";
import type { Follower } from "../follow/follower";
import type { PairAddresses } from "../follow/pair";
import type { Options } from "../options";
import { count } from "../progress";
import type { StepMetrics } from "../step-metrics";

/**
 * The full proof while a sync goes on, from which `verify --since-baseline` starts
 * at the freeze. The follower waits meanwhile, the product does not.
 */
export async function proveSync(
	follower: Follower,
	{ read, write }: PairAddresses,
	options: Options,
): Promise<Verification> {
	const addresses = { source: read, target: write };
	const plan = await planBetween(addresses, options);
	let proof: Verification = { tables: [], differences: [] };
	const startedAt = performance.now();
	await follower.atSnapshot(async (snapshot) => {
		proof = await proveBaseline(addresses, snapshot, plan.comparisons, options);
	});
	noteProof(options.metrics, proof, (performance.now() - startedAt) / 1000);
	return proof;
}

/** Has the metrics tell of a proof. */
export function noteProof(
	metrics: StepMetrics,
	{ tables, differences }: Verification,
	seconds: number,
): void {
	const rows = tables.reduce((sum, { source }) => sum + source.rows, 0);
	metrics.set("cutover_proof_rows", rows);
	metrics.set("cutover_proof_tables", tables.length);
	metrics.set("cutover_proof_differences", differences.length);
	metrics.set("cutover_proof_seconds", seconds);
	metrics.set("cutover_proof_timestamp_seconds", Date.now() / 1000);
}

/** A proof for the report of a sync. */
export function describeProof({ tables, differences }: Verification): {
	readonly json: {
		readonly equal: boolean;
		readonly rows: number;
		readonly differences: readonly Difference[];
		/** Tables that changed in a way that no snapshot sees; proven at the freeze. */
		readonly unproven: readonly string[];
	};
	readonly lines: readonly string[];
} {
	const rows = tables.reduce((sum, { source }) => sum + source.rows, 0);
	const equal = differences.length === 0;
	const unproven = tables.flatMap(({ table, rewritten }) =>
		rewritten ? [table] : [],
	);
	return {
		json: { equal, rows, differences, unproven },
		lines: [
			...(equal
				? [
						`proven equal in one snapshot: ${count(rows)} rows of ${tables.length - unproven.length} tables`,
					]
				: differences.map(describeDifference)),
			...unproven.map(
				(table) =>
					`${table} was emptied or written anew meanwhile: it is proven at the freeze`,
			),
		],
	};
}
