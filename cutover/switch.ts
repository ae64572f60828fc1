import { z } from "zod";
import { runChecks } from "./check";
import { Place } from "./checks/site";
import { addressRecords } from "./dns";
import { ExitCode, UserError } from "./errors";
import {
	barrierStands,
	barrierState,
	passGate,
	placeChecks,
	sidesProvenEqual,
} from "./gate";
import { main } from "./main";
import {
	mappingOptions,
	type RunTool,
	type ToolCommand,
	type ToolResult,
	withTools,
} from "./migration-tool";
import { onlyOne } from "./only-one";
import { returnSettings, returnToSource } from "./return";
import { stackOutputs } from "./stack";
import { settingsFromStdin } from "./stdin";

/** What the switch's command resource hands over. */
export const switchSettings = z.strictObject({
	stack: z.string(),
	/** Another one whenever the flags turn the switch: see infra/commands/switch.ts. */
	turn: z.string(),
	/** Where the names are to lead: the old system, the new one, the new one for good. */
	rung: z.enum(["off", "on", "final"]),
	/** False where nothing has been brought over that could be brought back. */
	sync: z.boolean(),
	...stackOutputs.pick({ domain: true, hostnames: true, reservedIp: true })
		.shape,
	/** Seconds; more is refused. */
	mostTtl: z.number(),
	/** Absent where the stack has no source. */
	data: returnSettings.required({ maxFreeze: true }).optional(),
});

export type SwitchSettings = z.infer<typeof switchSettings>;
type Data = NonNullable<SwitchSettings["data"]>;

/** The output, which the state keeps. */
const previous = z.object({ turn: z.string() });

/**
 * Does what has to be done before the names may change, either way.
 *
 * Whatever was killed, the next `pulumi up` converges. The command is run again
 * until it has ended well once in this turn, and goes by what is on both databases:
 *
 * | killed                      | facts                     | next up with on      | next up with off      |
 * | --------------------------- | ------------------------- | -------------------- | --------------------- |
 * | in the gate                 | the freeze's deadline     | gate again           | nothing; it runs out  |
 * | behind the barrier's keep   | kept, no journal          | gate again, journal  | gets a deadline again |
 * | behind the journal          | kept, journal, not moved  | gate but the proof   | returned, renewed     |
 * | while the records change    | records differ from state | Pulumi goes on       | returned, renewed     |
 * | in the return               | journal; target frozen    | target opened again  | return goes on        |
 * | behind the return           | no journal, target frozen | gate and all of it   | Pulumi goes on        |
 *
 * @param done the turn that ended well last; undefined before the first.
 */
export async function turnSwitch(
	settings: SwitchSettings,
	done: string | undefined,
	place?: Place,
): Promise<void> {
	const { data, rung, turn } = settings;
	// Other credentials or images: what was decided in this turn stands.
	if (!data || done === turn) return;
	// The first deployment of a stack: there is not even an image to ask with.
	if (rung === "off" && done === undefined && !settings.sync) return;
	await onlyOne(
		`evidence/${settings.stack}/switch.lock`,
		() =>
			rung === "off"
				? switchBack(settings, data)
				: inContainer(data, (run) =>
						switchOver(settings, data, place ?? placeOf(settings, data), run),
					),
		() => say("waiting for the command of an earlier up, which still runs"),
	);
}

const noteFromNowOn = ["sync", "--reverse"];
const barrierOf: ToolCommand = { arguments: ["freeze", "--state"] };
const barrierOnTarget: ToolCommand = { ...barrierOf, onTarget: true };
const journalOnTarget: ToolCommand = {
	arguments: [...noteFromNowOn, "--state"],
};

function placeOf(settings: SwitchSettings, { ssh }: Data): Place {
	const { stack, domain, hostnames, reservedIp } = settings;
	return new Place(stack, { domain, hostnames, reservedIp, ssh });
}

/** To the new system, or there for good. */
async function switchOver(
	settings: SwitchSettings,
	data: Data,
	place: Place,
	run: RunTool,
): Promise<void> {
	const mapping = mappingOptions(data);
	const journalState = run(journalOnTarget).then(answered).then(isJournal);
	const closed = stateOf(run, barrierOnTarget).then(({ frozen }) => frozen);
	const [moved, barrier, frozenTarget, journal, proof, seen] =
		await Promise.all([
			anyNameMoved(settings),
			stateOf(run, barrierOf),
			closed,
			journalState,
			// Behind a switch it would read all there is, and prove nothing: what the new
			// system has taken since a journal began is in there.
			journalState.then((begun) =>
				begun
					? undefined
					: run({ arguments: ["verify", "--since-baseline", ...mapping] }),
			),
			runChecks(placeChecks(place, settings.mostTtl, closed)),
		]);
	const final = settings.rung === "final";
	if (moved && barrier.kept && final && !journal && !frozenTarget)
		return say("for good already: nothing is noted for a way back");

	if (moved && barrier.kept && journal) {
		// All was seen to before, but a return may have been begun since.
		if (frozenTarget)
			answered(await run({ arguments: ["unfreeze"], onTarget: true }));
	} else {
		await passGate(settings.stack, [
			...(await runChecks([
				barrierStands(barrier),
				...(proof ? [sidesProvenEqual(proof)] : []),
			])),
			...seen,
		]);
		say("all checks passed");
		// First: from here on the source serves again by a person's decision only.
		answered(await run({ arguments: ["freeze", "--keep"] }));
		// Before any name leads to the target, so that no write is missed.
		answered(await run({ arguments: [...noteFromNowOn, ...mapping] }));
		say("the source stays frozen; what the new system takes is noted");
	}
	if (final) answered(await run({ arguments: [...noteFromNowOn, "--remove"] }));
}

/** To the old system: the data first, then the names. */
async function switchBack(settings: SwitchSettings, data: Data): Promise<void> {
	const report = await returnToSource(data);
	if (report.returned) {
		say(
			`${report.rowsWritten} rows and ${report.newUsers} users are back in the source, ${report.rowsEqual} rows proven equal; export: ${report.export}`,
		);
		return;
	}
	await inContainer(data, (run) => renewDeadline(settings, data, run));
}

/** A source that was frozen for good opens by itself again. */
async function renewDeadline(
	settings: SwitchSettings,
	{ maxFreeze }: Data,
	run: RunTool,
): Promise<void> {
	const [moved, source, target] = await Promise.all([
		anyNameMoved(settings),
		stateOf(run, barrierOf),
		stateOf(run, barrierOnTarget),
	]);
	if (!source.kept) return;
	// The names lead to a system that takes writes and notes none: it is final.
	if (moved && !target.frozen) {
		throw new UserError(
			{
				expected: "a journal of what the new system has taken since the switch",
				found: "none: cutover:finalize has removed it",
				fix: "pulumi config set cutover:dnsSwitch true and cutover:finalize true; a return is a restore of an export now",
			},
			ExitCode.refused,
		);
	}
	answered(await run({ arguments: ["freeze", "--renew", String(maxFreeze)] }));
	say(`the source serves again in ${maxFreeze} s at the latest`);
}

/** Whether anybody may have been led to the new system: not by a name that is not there yet. */
async function anyNameMoved(settings: SwitchSettings): Promise<boolean> {
	const { domain, hostnames, reservedIp } = settings;
	const moved = Object.values(hostnames).map(async (name) => {
		try {
			const [answer] = await addressRecords(domain, [name]);
			return answer?.addresses.includes(reservedIp) ?? false;
		} catch (error) {
			const { code = "" } = error as NodeJS.ErrnoException;
			if (["ENODATA", "ENOTFOUND"].includes(code)) return false;
			throw error;
		}
	});
	return (await Promise.all(moved)).includes(true);
}

function inContainer(data: Data, work: (run: RunTool) => Promise<void>) {
	const { ssh, image, sourceDatabaseUrl: sourceUrl, database: target } = data;
	return withTools({ ssh, image, sourceUrl, target }, work);
}

async function stateOf(run: RunTool, command: ToolCommand) {
	return barrierState.parse(answered(await run(command)));
}

/** @throws UserError with the command's own words where it did not end well. */
function answered({ exitCode, result, message }: ToolResult) {
	if (exitCode === 0) return result;
	throw new UserError(
		{
			expected: "both databases to be ready for the switch",
			found: message || `a command that ended with ${exitCode}`,
			fix: "see to it, then pulumi up again; no name was touched",
		},
		exitCode === ExitCode.refused ? ExitCode.refused : ExitCode.failure,
	);
}

function isJournal(result: Record<string, unknown>): boolean {
	return z.object({ journal: z.boolean() }).parse(result).journal;
}

function say(line: string): void {
	process.stderr.write(`switch: ${line}\n`);
}

if (require.main === module) {
	main(async () => {
		const settings = await settingsFromStdin(switchSettings);
		const noted = process.env.PULUMI_COMMAND_STDOUT;
		const done = noted ? previous.parse(JSON.parse(noted)).turn : undefined;
		await turnSwitch(settings, done);
		const { turn, rung } = settings;
		process.stdout.write(JSON.stringify({ turn, rung }));
	});
}
