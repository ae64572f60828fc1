import { tableName } from "../catalog/types";
import { type DatabaseAddress, withConnection } from "../connection";
import { hasBaselines } from "../digest/baseline";
import type { Verification } from "../digest/verify";
import { ExitCode, MigrationError } from "../errors";
import type { Sessions } from "../follow/cycle";
import { LagWatch } from "../follow/lag-watch";
import { metricsText, type SyncMetrics } from "../follow/metrics";
import { Pair } from "../follow/pair";
import { removeSync } from "../follow/remove";
import {
	beginSync,
	catchUp,
	type Direction,
	drain,
	type Sync,
	type SyncOptions,
	validateAll,
} from "../follow/sync";
import { sameShapeBack, sameShapeForward, type Way } from "../follow/way";
import type { Lag } from "../journal/state";
import { mappingOf } from "../mapping";
import { readRemarks } from "../mapping/remarks";
import { mappedBack, mappedForward } from "../mapping/way";
import { serveMetrics } from "../metrics";
import { type Options, sourceOf, targetOf } from "../options";
import { count, size } from "../progress";
import type { CopyProgress } from "../step-metrics";
import type { Outcome } from "./outcome";
import { describeProof, proveSync } from "./sync-proof";
import { noteFromNowOn, syncState } from "./way-back";

/** How often a follower says how far behind it is. */
const REPORT_MS = 5000;

/**
 * Copies and follows: without further options until the other side is no more than
 * seconds behind, with --follow until a signal comes, with --drain until nothing is
 * left of a frozen database. --reverse swaps the sides: alone it only begins to note
 * what the target takes, as the source is to stay as it is until a return.
 */
export async function runSync(options: Options): Promise<Outcome> {
	const direction: Direction = options.reverse ? "back" : "forward";
	return withPair(options, direction, async (pair) => {
		if (options.mode === "remove")
			return await remove(pair, direction, options);
		if (options.mode === "validate")
			return await validate(pair.addresses.write);
		if (options.mode === "state") return syncState(pair.addresses, direction);
		if (direction === "back" && options.mode === "once")
			return noteFromNowOn(
				pair,
				(sessions) => wayOf(sessions, options, "back"),
				options,
			);
		return await withSync(pair, options, direction, (begun, settings) =>
			sync(pair, options, begun, settings),
		);
	});
}

/**
 * Makes all of a drain that can be made while the source serves: the target is no
 * more than seconds behind then, and has been proven once (after a return it has not),
 * so that the proof behind the barrier looks only at what was written since. `work`
 * freezes the source and calls what it is given for the rest, which answers as
 * `sync --drain` does.
 */
export async function withDrain<T>(
	options: Options,
	work: (drain: () => Promise<Outcome>) => Promise<T>,
): Promise<T> {
	return withPair(options, "forward", (pair) =>
		withSync(pair, options, "forward", async (begun, settings) => {
			options.metrics.phase("catch-up");
			await begun.follower.catchUp();
			const { write } = await pair.open();
			if (!(await hasBaselines(write)))
				refuseDifferences(
					await proveSync(begun.follower, pair.addresses, options),
				);
			return work(() => sync(pair, options, begun, settings));
		}),
	);
}

function refuseDifferences(proof: Verification): void {
	const { json, lines } = describeProof(proof);
	if (json.equal) return;
	throw new MigrationError(
		{
			expected: "both sides equal before the freeze",
			found: lines.slice(0, 5).join("; "),
			fix: "see why, then verify --repair makes the target's rows as the source's; nothing was frozen",
		},
		ExitCode.differences,
	);
}

async function withPair<T>(
	options: Options,
	direction: Direction,
	work: (pair: Pair) => Promise<T>,
): Promise<T> {
	const [source, target] = [sourceOf(options), targetOf(options)];
	const addresses =
		direction === "forward"
			? { read: source, write: target }
			: { read: target, write: source };
	const pair = new Pair(addresses, options.lockTimeout);
	try {
		return await work(pair);
	} finally {
		await pair.end();
	}
}

interface SyncSettings extends SyncOptions {
	readonly watch: LagWatch;
}

async function withSync<T>(
	pair: Pair,
	options: Options,
	direction: Direction,
	work: (begun: Sync, settings: SyncSettings) => Promise<T>,
): Promise<T> {
	const watch = new LagWatch(pair.addresses.read);
	if (options.command === "sync") options.metrics.phase("copy");
	const settings = {
		...options,
		direction,
		watch,
		onProgress: (read: () => CopyProgress) => options.metrics.follow(read),
		onNotice: (line: string) => {
			process.stderr.write(`sync: ${line}\n`);
		},
	};
	try {
		const begun = await beginSync(
			pair,
			(sessions) => wayOf(sessions, options, direction),
			settings,
		);
		return await work(begun, settings);
	} finally {
		await watch.close();
	}
}

async function sync(
	pair: Pair,
	options: Options,
	begun: Sync,
	settings: SyncSettings,
): Promise<Outcome> {
	const { metrics } = options;
	const proving = options.proof && settings.direction === "forward";
	if (options.mode === "once" || proving) {
		metrics.phase("catch-up");
		await catchUp(pair, begun, settings);
	}
	if (proving) metrics.phase("proof");
	const proof = proving
		? await proveSync(begun.follower, pair.addresses, options)
		: undefined;
	if (options.mode === "follow") await follow(begun, options, settings);
	// In a freeze the drain is a phase already.
	if (options.command === "sync" && options.mode === "drain")
		metrics.phase("drain");
	const drained =
		options.mode === "drain" ? await drain(pair, begun, settings) : null;
	const lag = await settings.watch.read();
	if (lag) metrics.set("cutover_journal_entries", lag.rows);
	const outcome = report(begun, lag, settings, drained, proof);
	const mapping = mappingOf(options);
	if (!mapping) return outcome;
	const { write } = await pair.open();
	const { lines, ...json } = await readRemarks(
		write,
		mapping,
		settings.direction === "back",
	);
	return {
		...outcome,
		json: { ...outcome.json, ...json },
		lines: [...outcome.lines, ...lines],
	};
}

async function wayOf(
	{ read, write }: Sessions,
	options: Options,
	direction: Direction,
): Promise<Way> {
	const mapping = mappingOf(options);
	if (mapping)
		return direction === "forward"
			? mappedForward(mapping, { source: read, target: write })
			: mappedBack(mapping, { source: write, target: read });
	const sameShape = direction === "forward" ? sameShapeForward : sameShapeBack;
	return sameShape(read, write, options);
}

/** Follows until SIGTERM or SIGINT, and ends with the cycle under way. */
async function follow(
	begun: Sync,
	options: Options,
	{ direction, watch }: SyncSettings,
): Promise<void> {
	const { follower, copied } = begun;
	const stop = new AbortController();
	const onSignal = () => stop.abort();
	process.on("SIGTERM", onSignal);
	process.on("SIGINT", onSignal);
	const read = async (): Promise<SyncMetrics> => ({
		totals: follower.totals,
		lag: await watch.read(),
		copiedBytes: (copied?.bytes ?? 0) + follower.totals.bytes,
		direction,
	});
	const served =
		options.metricsPort === undefined
			? undefined
			: await serveMetrics(options.metricsPort, options.metricsHost, async () =>
					metricsText(await read()),
				);
	if (served)
		process.stderr.write(
			`sync: metrics at http://${options.metricsHost}:${served.port}/metrics\n`,
		);
	const timer = setInterval(async () => {
		process.stderr.write(`sync: ${progressOf(await read())}\n`);
	}, REPORT_MS);
	try {
		await follower.follow(stop.signal);
	} finally {
		clearInterval(timer);
		served?.close();
		process.off("SIGTERM", onSignal);
		process.off("SIGINT", onSignal);
	}
}

function progressOf({ totals, lag }: SyncMetrics): string {
	return [
		lag === null
			? "lag unknown"
			: `lag ${lag.rows} rows, ${lag.seconds.toFixed(1)} s`,
		`${count(totals.written)} rows written, ${count(totals.deleted)} replaced or deleted`,
		`${totals.cycles} cycles`,
	].join(", ");
}

function report(
	{ way, installed, prepared, copied, follower }: Sync,
	lag: Lag | null,
	{ direction }: SyncOptions,
	drained: Awaited<ReturnType<typeof drain>> | null,
	proof: Verification | undefined,
): Outcome {
	const proven = proof && describeProof(proof);
	const { totals } = follower;
	const keyless = installed.keyless.map((table) => {
		const whole = totals.whole.get(table);
		return {
			table,
			bytes: way.tables.find(({ name }) => name === table)?.bytes ?? null,
			rows: whole?.rows ?? null,
			copies: whole?.times ?? 0,
		};
	});
	const unvalidated = drained?.unvalidated.map(({ name }) => name);
	return {
		json: {
			direction,
			tables: installed.followed.length,
			journalOn: installed.added.length,
			notOwned: way.notOwned,
			keyless,
			copied: copied && {
				rows: copied.rows,
				bytes: copied.bytes,
				chunks: copied.chunks,
				chunksDoneBefore: copied.chunksDoneBefore,
				counts: Object.fromEntries(
					[...copied.counts].map(([{ to }, rows]) => [
						`${to.schema === "public" ? "" : `${to.schema}.`}${to.name}`,
						rows,
					]),
				),
			},
			removed: prepared?.removals ?? [],
			leftOut: prepared?.leftOut ?? [],
			lagRows: lag?.rows ?? null,
			lagSeconds: lag?.seconds ?? null,
			snapshotAt: totals.snapshotAt,
			entries: totals.entries,
			rowsWritten: totals.written,
			rowsDeleted: totals.deleted,
			cycles: totals.cycles,
			reconnects: totals.reconnects,
			drained: drained !== null,
			...(proven && { proof: proven.json }),
			...(drained && {
				sequences: drained.sequences,
				restored: drained.restored,
				unvalidated,
			}),
		},
		lines: [
			...(copied
				? [`copied ${copied.rows} rows, ${size(copied.bytes)}`]
				: ["nothing was left to copy"]),
			`followed ${installed.followed.length} tables: ${totals.written} rows written, ${totals.deleted} replaced or deleted, in ${totals.cycles} cycles`,
			drained
				? `drained: nothing is left in the journal, ${drained.sequences} sequences moved, ${drained.restored} triggers and keys put back`
				: `behind by ${lag?.rows ?? "?"} rows, ${lag?.seconds.toFixed(1) ?? "?"} s`,
			...(proven?.lines ?? []),
			...(unvalidated && unvalidated.length > 0
				? [
						`foreign keys whose rows are still to be looked at (sync --validate, at any time): ${unvalidated.join(", ")}`,
					]
				: []),
			...keyless.map(
				({ table, rows, bytes }) =>
					`no key, copied as a whole whenever it changes: ${table}${rows === null ? "" : `, ${rows} rows`}${bytes === null ? "" : `, ${size(bytes)}`}`,
			),
			...way.notOwned.map(
				(table) => `another role's, neither copied nor followed: ${table}`,
			),
			...(prepared?.leftOut ?? []).map((line) => `left out: ${line}`),
		],
		exitCode:
			proven?.json.equal === false ? ExitCode.differences : ExitCode.done,
	};
}

async function remove(
	pair: Pair,
	direction: Direction,
	{ lockTimeout }: Options,
): Promise<Outcome> {
	const { followed, left } = await removeSync(pair, direction, lockTimeout);
	const foreign = left.filter(({ stranger }) => stranger !== null);
	return {
		json: {
			direction,
			tables: followed,
			foreign: foreign.map((table) => ({
				table: tableName(table),
				by: table.stranger,
			})),
		},
		lines: [
			followed.length === 0
				? "no journal was installed"
				: `journal removed from ${followed.length} tables`,
			...(left.length > 0
				? ["the rows that were brought over stay until a sync begins again"]
				: []),
			...foreign.map(
				(table) =>
					`${tableName(table)} may hold rows of somebody else (${table.stranger}): the next sync will refuse to replace them`,
			),
		],
		exitCode: ExitCode.done,
	};
}

/** Takes no lock: the other side may be in use, and be followed back. */
async function validate(write: DatabaseAddress): Promise<Outcome> {
	const validated = await withConnection(
		write,
		{ readOnly: false },
		validateAll,
	);
	return {
		json: { validated },
		lines: [`${validated.length} foreign keys validated`],
		exitCode: ExitCode.done,
	};
}
