import { withConnection } from "../connection";
import { ExitCode, MigrationError } from "../errors";
import { type FreezeResult, freeze, unfreeze } from "../freeze/barrier";
import { keepFreeze } from "../freeze/keep";
import { type FreezeState, readFreezeState } from "../freeze/state";
import { type Options, sourceOf } from "../options";
import type { Outcome } from "./outcome";

/**
 * Closes the source to writes, or says which tables would be closed; with --drain all
 * of a freeze, with --keep for good, with --renew until a new deadline; with --state
 * only says how it stands.
 */
export async function runFreeze(options: Options): Promise<Outcome> {
	const source = sourceOf(options);
	switch (options.freezeMode) {
		case "drain":
			return (
				require("./freeze-drain") as typeof import("./freeze-drain")
			).runFreezeDrain(options);
		case "keep": {
			const { frozenAt, walPosition } = await keepFreeze(
				source,
				options.lockTimeout,
			);
			return {
				json: { frozenAt, walPosition, until: null, kept: true },
				lines: [
					`frozen since ${frozenAt}, nothing written since: it stays so until it is taken back`,
				],
				exitCode: ExitCode.done,
			};
		}
		case "state":
			return describeState(
				await withConnection(source, { readOnly: true }, readFreezeState),
			);
		default:
			return describeFreeze(
				await freeze(source, {
					...options,
					renew: options.freezeMode === "renew",
				}),
				options,
			);
	}
}

/** Opens the source again, or says which tables would be opened. */
export async function runUnfreeze(options: Options): Promise<Outcome> {
	const { tables } = await unfreeze(sourceOf(options), options);
	return {
		json: { dryRun: options.dryRun, tables },
		lines: [
			tables.length === 0
				? "nothing is frozen"
				: `${options.dryRun ? "would open" : "opened"} ${tables.length} tables`,
		],
		exitCode: ExitCode.done,
	};
}

/** A barrier for the report of a command. */
export function describeFreeze(
	result: FreezeResult,
	{ dryRun }: { readonly dryRun: boolean },
): Outcome {
	const { frozenAt, until, walPosition, tables, notOwned } = result;
	const state = result.alreadyFrozen
		? `frozen since ${frozenAt}`
		: dryRun
			? `would close ${tables.length} tables`
			: `frozen at ${frozenAt}, WAL position ${walPosition}: ${tables.length} tables closed`;
	return {
		json: { dryRun, ...result },
		lines: [
			`${state}${until === null ? "" : `, until ${until}`}`,
			...(notOwned.length > 0
				? [
						`not ours to close: ${notOwned.join(", ")}`,
						"  close them at the services that write them: sign-ups off, storage uploads off, scheduled jobs off",
					]
				: []),
		],
		exitCode: ExitCode.done,
	};
}

function describeState(state: FreezeState | null): Outcome {
	const kept = state !== null && state.until === null;
	const deadline = kept
		? "without a deadline"
		: state?.lapsed
			? `until ${state.until}: it has lapsed, the source serves`
			: `until ${state?.until}, ${Math.floor(state?.secondsLeft ?? 0)} s from now`;
	return {
		json: {
			frozen: state !== null && !state.lapsed,
			frozenAt: state?.frozenAt ?? null,
			until: state?.until ?? null,
			secondsLeft: state?.secondsLeft ?? null,
			lapsed: state?.lapsed ?? false,
			kept,
			missing: state?.missing ?? [],
			writes: state?.writes ?? [],
		},
		lines: [
			state ? `frozen since ${state.frozenAt}, ${deadline}` : "not frozen",
			...(state?.missing ?? []).map(
				(table) => `without a barrier all the time: ${table}`,
			),
			...(state?.writes ?? []).map(
				({ table, count, owned }) =>
					`written since: ${table}, ${count} rows${owned ? "" : " (another role's table)"}`,
			),
		],
		exitCode: ExitCode.done,
	};
}

/** The seconds that a freeze may last; fails where the operator gave none. */
export function maxFreezeOf({ maxFreeze }: Options): number {
	if (maxFreeze !== undefined) return maxFreeze;
	throw new MigrationError({
		expected:
			"--max-freeze SEC, how long the source may be closed, for --drain",
		found: "none",
		fix: "give it: the source opens by itself then, whatever happens",
	});
}
