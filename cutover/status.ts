import { parseArgs } from "node:util";
import { z } from "zod";
import { Site } from "./checks/site";
import { manualRepoints } from "./checks/uplinks";
import { now } from "./clock";
import { addressRecords } from "./dns";
import { UserError } from "./errors";
import { barrierState } from "./gate";
import { main } from "./main";
import { releaseOf } from "./release";
import { runOrThrow } from "./run";
import { type Flags, noFlags, rungs } from "./rungs";
import {
	type CheckpointName,
	checkpointNames,
	type Verdict,
} from "./signatures";
import { type StackOutputs, stackState } from "./stack";
import { describeLock, readLocks } from "./stack-lock";
import { simpleName } from "./stack-name";
import { signaturesOf, standing } from "./standing";
import { freezeInWords, statusText } from "./status-text";
import { observeTtl } from "./ttl";

/**
 * `npm run status -- [-s STACK]`: where a stack stands and what comes next. Looks
 * at everything side by side; what cannot be asked is said to be so. Changes
 * nothing but evidence/STACK/ttl.json, which notes since when the TTL is low.
 */
main(async () => {
	const given = parse().values.stack;
	const stack = given ?? (await selectedStack());
	const { outputs, config } = await stackState(stack);
	const verifiedOn = config.verifiedOn || undefined;
	const name = simpleName(stack);
	const [verdicts, lock, freeze, names] = await Promise.all([
		judged(name, verifiedOn, outputs),
		asked(() => lockInWords(name)),
		outputs?.flags.freeze
			? asked(() => freezeState(name, outputs, config))
			: "",
		outputs ? asked(() => whereNamesPoint(name, outputs)) : "",
	]);
	process.stdout.write(
		`${statusText({
			stack,
			verifiedOn,
			reached: outputs?.flags,
			wanted: wantedFlags(config),
			release: outputs && {
				deployed: outputs.release,
				here: releaseHere(outputs),
			},
			signed: verdicts,
			lock,
			freeze,
			names,
			sourceKeptUntil: outputs?.sourceKeptUntil,
			supabase: projectRef(config),
			manualRepoints: manualRepoints({ config }),
			now: now(),
		})}\n`,
	);
});

function parse() {
	try {
		return parseArgs({ options: { stack: { type: "string", short: "s" } } });
	} catch (error) {
		throw new UserError({
			expected: "no option but -s STACK",
			found: (error as Error).message,
			fix: "npm run status -- -s production",
		});
	}
}

async function selectedStack(): Promise<string> {
	try {
		const { stdout } = await runOrThrow("pulumi", ["stack", "--show-name"]);
		return stdout.trim();
	} catch (error) {
		throw new UserError({
			expected: "-s STACK, or a stack selected by pulumi stack select",
			found: (error as Error).message,
			fix: "npm run status -- -s production",
		});
	}
}

function wantedFlags(config: Record<string, string>): Flags {
	const flags = rungs.map((rung) => [rung, config[rung] === "true"]);
	return { ...noFlags, ...Object.fromEntries(flags) };
}

function releaseHere({ images, migration }: StackOutputs): string {
	return releaseOf({ images, mapping: migration.mapping });
}

/** Every checkpoint's signature, staging's from the stack that it is signed on. */
async function judged(
	stack: string,
	verifiedOn: string | undefined,
	outputs: StackOutputs | undefined,
): Promise<Record<CheckpointName, Verdict>> {
	const release = outputs ? releaseHere(outputs) : "none deployed";
	const entries = checkpointNames.map(async (checkpoint) => {
		const signer =
			checkpoint === "staging-verified" ? (verifiedOn ?? stack) : stack;
		const signed = await signaturesOf(signer);
		return [checkpoint, await standing(checkpoint, signer, signed, release)];
	});
	return Object.fromEntries(await Promise.all(entries));
}

/** Words, also where nobody answers: the rest of the status is of use all the same. */
async function asked(question: () => Promise<string>): Promise<string> {
	return question().catch((error: Error) => {
		const [first = ""] = error.message.split("\n");
		return `could not be asked: ${first.slice(0, 300)}`;
	});
}

/** Empty where no run holds the stack. */
async function lockInWords(stack: string): Promise<string> {
	const locks = await readLocks("cutover", stack);
	return locks.map((lock) => describeLock(lock, stack)).join("; ");
}

async function freezeState(
	stack: string,
	outputs: StackOutputs,
	config: Record<string, string>,
): Promise<string> {
	const site = new Site(stack, outputs, config);
	const { result } = await site.migrate("freeze", "--state");
	// By the wall clock, which the source's server goes by: no rehearsal moves it.
	return freezeInWords(barrierState.parse(result), new Date());
}

async function whereNamesPoint(
	stack: string,
	{ domain, hostnames, legacyAddress, reservedIp }: StackOutputs,
): Promise<string> {
	const names = Object.values(hostnames);
	const answers = await addressRecords(domain, names);
	// Since when it is low counts from the first look on.
	const { ttl } = await observeTtl(stack, domain, names);
	const side = (address: string) =>
		address === reservedIp
			? " (new)"
			: address === legacyAddress
				? " (old)"
				: " (neither old nor new)";
	return `${answers
		.map(
			({ name, addresses }) =>
				`${name} → ${addresses.map((address) => address + side(address)).join(", ")}`,
		)
		.join("; ")}; TTL ${ttl} s`;
}

function projectRef({ supabase }: Record<string, string>): string | undefined {
	const parsed = z
		.object({ projectRef: z.string() })
		.safeParse(JSON.parse(supabase ?? "null"));
	return parsed.data?.projectRef;
}
