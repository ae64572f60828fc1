import { z } from "zod";
import { type Check, type CheckResult, expect } from "./check";
import { certificatesValid } from "./checks/certificates";
import { backendHealthy } from "./checks/health";
import { ttlLowered } from "./checks/readiness";
import { followerStopped, servicesRun } from "./checks/services";
import type { Place } from "./checks/site";
import { clockOffsetSeconds, now } from "./clock";
import { ExitCode, UserError } from "./errors";
import { writeEvidence } from "./evidence";
import type { ToolResult } from "./migration-tool";

/** What `migrate freeze --state` says. */
export const barrierState = z.object({
	frozen: z.boolean(),
	frozenAt: z.string().nullish(),
	until: z.string().nullable(),
	/** The deadline passed: the source serves again. */
	lapsed: z.boolean(),
	/** It has no deadline any more. */
	kept: z.boolean(),
	/** Tables that it does not close. */
	missing: z.array(z.string()),
	/** What was written since; the barrier can close only tables of our own. */
	writes: z.array(
		z.object({ table: z.string(), count: z.number(), owned: z.boolean() }),
	),
});

export type BarrierState = z.infer<typeof barrierState>;

/** Milliseconds for what still starts: the source is frozen meanwhile. */
const patience = 3_000;

/** The barrier closes every table, and nothing has passed it. */
export function barrierStands(state: BarrierState): Check {
	return {
		name: "barrier stands on the source",
		lookAt:
			"cutover:freeze false, pulumi up, then true again: the barrier and the last changes come anew",
		async run() {
			expect(
				!state.lapsed,
				`it lapsed at ${state.until}: the source has been serving since (cutover:maxFreeze)`,
			);
			expect(state.frozen, "the source is not frozen");
			expect(
				state.missing.length === 0,
				`not on ${state.missing.slice(0, 5).join(", ")}`,
			);
			const named = (owned: boolean) =>
				state.writes
					.filter((write) => write.owned === owned)
					.map(({ table, count }) => `${table} (${count})`)
					.join(", ");
			expect(!named(true), `written since the freeze: ${named(true)}`);
			const others = named(false);
			return `${state.kept ? "kept" : `until ${state.until}`}${others ? `; written since by other services: ${others}` : ""}`;
		},
	};
}

const verified = z.object({
	tables: z.number(),
	rows: z.number(),
	differences: z.array(z.object({ table: z.string(), kind: z.string() })),
});

/** Source and target hold the same rows, by `migrate verify --since-baseline`. */
export function sidesProvenEqual({
	exitCode,
	result,
	message,
}: ToolResult): Check {
	return {
		name: "source and target proven equal",
		lookAt:
			"npm run migrate -- verify names the rows; cutover:freeze false, pulumi up, then true again brings them anew",
		async run() {
			const proof = verified.safeParse(result).data;
			// Without an answer, the message says why: not frozen, not drained, no connection.
			expect(proof, message || `verify ended with ${exitCode}`);
			const kinds = new Set(
				proof.differences.map(({ table, kind }) => `${table} (${kind})`),
			);
			expect(
				exitCode === 0,
				`they differ, ${proof.differences.length} differences named: ${[...kinds].slice(0, 5).join(", ")}`,
			);
			return `${proof.rows} rows in ${proof.tables} tables`;
		},
	};
}

/**
 * What has to be so at the new address before any name leads there.
 *
 * @param closed whether a return keeps the new system's database closed to writes.
 */
export function placeChecks(
	place: Place,
	mostTtl: number,
	closed: Promise<boolean>,
): Check[] {
	return [
		certificatesValid(place),
		ttlLowered(place, mostTtl),
		// The watch over the source begins with the freeze and serves nobody.
		servicesRun(place, { timeoutMs: patience, except: ["watch"] }),
		followerStopped(place),
		backendHealthy(place, patience, closed),
	];
}

/**
 * Lets the switch pass or not; what was seen stands in evidence/STACK/switch.json
 * either way.
 *
 * @throws UserError (exit 4) naming each failure: what was seen, what to do.
 */
export async function passGate(
	stack: string,
	checks: CheckResult[],
): Promise<void> {
	const failed = checks.filter(({ status }) => status === "failed");
	await writeEvidence(
		stack,
		"switch.json",
		`${JSON.stringify({ stack, at: now().toISOString(), clockMovedBySeconds: clockOffsetSeconds(), passed: failed.length === 0, checks }, null, "\t")}\n`,
	);
	if (failed.length === 0) return;
	throw new UserError(
		{
			expected: `all ${checks.length} checks of the switch to pass`,
			found: failed
				.map(
					({ name, detail, lookAt }) =>
						`\n     ${name}: ${detail}\n       see to ${lookAt}`,
				)
				.join(""),
			fix: "put these right, then pulumi up again; no name was touched",
		},
		ExitCode.refused,
	);
}
