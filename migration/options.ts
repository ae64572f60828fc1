import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import type { DatabaseAddress } from "./connection";
import { MigrationError } from "./errors";
import { type StepMetrics, stepMetrics } from "./step-metrics";
import type { StackAuthAddress } from "./users/api";
import type { KindPolicy } from "./users/policy";

export const COMMANDS = [
	"probe",
	"copy",
	"sync",
	"export",
	"users",
	"import",
	"verify",
	"freeze",
	"unfreeze",
	"received",
	"watch",
	"heartbeat",
] as const;
export type Command = (typeof COMMANDS)[number];

/** More than the processors of either server gains nothing; this machine's are taken for theirs. */
const DEFAULT_JOBS = String(Math.max(2, availableParallelism()));

/** What sync is to do: see runSync. */
export type SyncMode =
	| "once"
	| "follow"
	| "drain"
	| "validate"
	| "remove"
	| "state";

/** What freeze is to do: see runFreeze. */
export type FreezeMode = "barrier" | "drain" | "keep" | "renew" | "state";

/** What the operator asked for, checked. */
export interface Options {
	readonly command: Command;
	readonly environment: Readonly<Record<string, string | undefined>>;
	readonly dryRun: boolean;
	readonly json: boolean;
	readonly exclude: readonly string[];
	readonly userColumns: readonly string[];
	/** See mappingOf. */
	readonly mapping: string | undefined;
	/** `TABLE:REASON` */
	readonly acceptRejects: readonly string[];
	readonly resume: boolean;
	readonly prove: boolean;
	readonly withUserMap: boolean;
	readonly createSchema: boolean;
	readonly replace: boolean;
	readonly allowUnmapped: boolean;
	readonly carryHashes: boolean;
	/** `OLD=NEW`, or one name for both. */
	readonly oauthProviders: readonly string[];
	readonly anonymousUsers: KindPolicy;
	readonly deletedUsers: KindPolicy;
	readonly ssoUsers: KindPolicy;
	readonly sendResets: boolean;
	readonly resetUrl: string | undefined;
	readonly resetsPerHour: number;
	readonly mode: SyncMode;
	readonly freezeMode: FreezeMode;
	/** Reads the target and writes to the source. */
	readonly reverse: boolean;
	readonly recopy: readonly string[];
	readonly metricsPort: number | undefined;
	readonly metricsHost: string;
	readonly metrics: StepMetrics;
	/** Milliseconds. */
	readonly patience: number;
	readonly jobs: number;
	readonly proof: boolean;
	readonly concurrency: number;
	readonly limit: number;
	readonly showValues: boolean;
	readonly schema: boolean;
	readonly sinceBaseline: boolean;
	readonly returned: boolean;
	readonly repair: boolean;
	/** Seconds, of --max-freeze or --renew. */
	readonly maxFreeze: number | undefined;
	readonly cancelWriters: boolean;
	/** Milliseconds. */
	readonly lockTimeout: number;
	readonly directory: string | undefined;
	readonly query: string | undefined;
	readonly since: string | undefined;
	readonly source: string | undefined;
	readonly target: string | undefined;
}

/**
 * Reads the command line. `readStdin` gives standard input, which is read only
 * when asked for: that is how secrets arrive without standing in any process's
 * arguments.
 */
export async function parseOptions(
	args: readonly string[],
	env: Readonly<Record<string, string | undefined>>,
	readStdin: () => Promise<string>,
): Promise<Options> {
	const { values, positionals } = parse(args);
	const [command, ...rest] = positionals;
	if (!isCommand(command) || rest.length > 0)
		throw new MigrationError({
			expected: `one command: ${COMMANDS.join(", ")}`,
			found: positionals.join(" ") || "none",
			fix: "see --help",
		});
	const environment = values["environment-stdin"]
		? { ...env, ...parseEnvironment(await readStdin()) }
		: env;
	const options: Omit<Options, "metrics"> = {
		command,
		environment,
		dryRun: values["dry-run"],
		json: values.json,
		exclude: values.exclude,
		userColumns: values["user-column"],
		mapping: values.mapping,
		acceptRejects: values["accept-rejects"],
		resume: values.resume,
		prove: values.prove,
		withUserMap: values["with-user-map"],
		createSchema: values["create-schema"],
		replace: values.replace,
		allowUnmapped: values["allow-unmapped"],
		carryHashes: !values["reset-passwords"],
		oauthProviders: values["oauth-provider"],
		anonymousUsers: kindPolicy("--anonymous-users", values["anonymous-users"]),
		deletedUsers: kindPolicy("--deleted-users", values["deleted-users"]),
		ssoUsers: kindPolicy("--sso-users", values["sso-users"]),
		sendResets: values["send-resets"],
		resetUrl: values["reset-url"],
		resetsPerHour: positiveInteger(
			"--resets-per-hour",
			values["resets-per-hour"],
		),
		mode: syncMode(values),
		freezeMode: oneOf(values, ["drain", "keep", "renew", "state"]) ?? "barrier",
		reverse: values.reverse,
		recopy: values.recopy,
		metricsPort: optionalInteger("--metrics-port", values["metrics-port"]),
		metricsHost: values["metrics-host"],
		patience: positiveInteger("--patience", values.patience) * 1000,
		jobs: positiveInteger("--jobs", values.jobs),
		proof: values.proof,
		concurrency: positiveInteger("--concurrency", values.concurrency),
		limit: positiveInteger("--limit", values.limit),
		showValues: values["show-values"],
		schema: values.schema,
		sinceBaseline: values["since-baseline"],
		returned: values.returned,
		repair: values.repair,
		maxFreeze:
			optionalInteger("--renew", values.renew) ??
			optionalInteger("--max-freeze", values["max-freeze"]),
		cancelWriters: values["cancel-writers"],
		lockTimeout:
			positiveInteger("--lock-timeout", values["lock-timeout"]) * 1000,
		directory: values.dir,
		query: values.query,
		since: values.since,
		source: values.source ?? environment.SOURCE_DATABASE_URL,
		target: values.target ?? environment.TARGET_DATABASE_URL,
	};
	return { ...options, metrics: stepMetrics(values["metrics-dir"], options) };
}

/** The source's address; fails where the operator gave none. */
export function sourceOf(options: Options): DatabaseAddress {
	return {
		label: "source",
		url: options.source ?? "",
		ca: options.environment.SOURCE_DATABASE_CA,
	};
}

/** The target's address; fails where the operator gave none. */
export function targetOf(options: Options): DatabaseAddress {
	return {
		label: "target",
		url: options.target ?? "",
		ca: options.environment.TARGET_DATABASE_CA,
	};
}

/** The directory of the export; fails where the operator gave none. */
export function directoryOf(options: Options): string {
	if (options.directory) return options.directory;
	throw new MigrationError({
		expected: `--dir, the directory of the export, for ${options.command}`,
		found: "none",
		fix: "give --dir DIR",
	});
}

/** Stack Auth's address and key, all from the environment. */
export function stackAuthOf({ environment }: Options): StackAuthAddress {
	const read = (name: string): string => {
		const value = environment[name];
		if (value) return value;
		throw new MigrationError({
			expected: `${name} in the environment`,
			found: "nothing",
			fix: "set it, or send it with --environment-stdin",
		});
	};
	return {
		apiUrl: read("STACK_AUTH_API_URL"),
		projectId: read("STACK_AUTH_PROJECT_ID"),
		secretServerKey: read("STACK_AUTH_SECRET_SERVER_KEY"),
	};
}

function parse(args: readonly string[]) {
	try {
		return parseArgs({
			args: [...args],
			allowPositionals: true,
			options: {
				source: { type: "string" },
				target: { type: "string" },
				dir: { type: "string" },
				query: { type: "string" },
				since: { type: "string" },
				"dry-run": { type: "boolean", default: false },
				json: { type: "boolean", default: false },
				"environment-stdin": { type: "boolean", default: false },
				exclude: { type: "string", multiple: true, default: [] },
				"user-column": { type: "string", multiple: true, default: [] },
				mapping: { type: "string" },
				"accept-rejects": { type: "string", multiple: true, default: [] },
				resume: { type: "boolean", default: false },
				prove: { type: "boolean", default: false },
				"with-user-map": { type: "boolean", default: false },
				"create-schema": { type: "boolean", default: false },
				replace: { type: "boolean", default: false },
				"allow-unmapped": { type: "boolean", default: false },
				"reset-passwords": { type: "boolean", default: false },
				"oauth-provider": { type: "string", multiple: true, default: [] },
				"anonymous-users": { type: "string", default: "skip" },
				"deleted-users": { type: "string", default: "skip" },
				"sso-users": { type: "string", default: "skip" },
				"send-resets": { type: "boolean", default: false },
				"reset-url": { type: "string" },
				"resets-per-hour": { type: "string", default: "200" },
				follow: { type: "boolean", default: false },
				drain: { type: "boolean", default: false },
				validate: { type: "boolean", default: false },
				remove: { type: "boolean", default: false },
				reverse: { type: "boolean", default: false },
				recopy: { type: "string", multiple: true, default: [] },
				"metrics-port": { type: "string" },
				"metrics-host": { type: "string", default: "127.0.0.1" },
				"metrics-dir": { type: "string" },
				patience: { type: "string", default: "600" },
				jobs: { type: "string", default: DEFAULT_JOBS },
				proof: { type: "boolean", default: false },
				concurrency: { type: "string", default: "8" },
				limit: { type: "string", default: "20" },
				"show-values": { type: "boolean", default: false },
				schema: { type: "boolean", default: false },
				"since-baseline": { type: "boolean", default: false },
				returned: { type: "boolean", default: false },
				repair: { type: "boolean", default: false },
				"max-freeze": { type: "string" },
				"cancel-writers": { type: "boolean", default: false },
				keep: { type: "boolean", default: false },
				renew: { type: "string" },
				state: { type: "boolean", default: false },
				"lock-timeout": { type: "string", default: "30" },
			},
		});
	} catch (error) {
		throw new MigrationError({
			expected: "options as --help lists them",
			found: (error as Error).message,
			fix: "see --help",
		});
	}
}

function syncMode(values: Record<string, unknown>): SyncMode {
	const mode = oneOf(values, [
		"follow",
		"drain",
		"validate",
		"remove",
		"state",
	]);
	if (values.reverse === true && mode === "follow")
		throw new MigrationError({
			expected: "--reverse without --follow",
			found: "both",
			fix: "the source stays as it is until the return: then freeze the target and run sync --reverse --drain",
		});
	return mode ?? "once";
}

/** The one of these options that was given; several contradict each other. */
function oneOf<Name extends string>(
	values: Record<string, unknown>,
	names: readonly Name[],
): Name | undefined {
	const given = names.filter((name) => values[name] ?? false);
	if (given.length > 1)
		throw new MigrationError({
			expected: `one of ${names.map((name) => `--${name}`).join(", ")}`,
			found: given.map((name) => `--${name}`).join(", "),
			fix: "run them one after the other",
		});
	return given[0];
}

function isCommand(text: string | undefined): text is Command {
	return COMMANDS.some((command) => command === text);
}

function kindPolicy(name: string, text: string): KindPolicy {
	if (text === "skip" || text === "create") return text;
	throw new MigrationError({
		expected: `${name} to be skip or create`,
		found: text,
		fix: "correct it",
	});
}

function positiveInteger(name: string, text: string): number {
	if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
	throw new MigrationError({
		expected: `${name} to be a whole number from 1 on`,
		found: text,
		fix: "correct it",
	});
}

function optionalInteger(
	name: string,
	text: string | undefined,
): number | undefined {
	return text === undefined ? undefined : positiveInteger(name, text);
}

/** Never quotes the text in its message: it holds secrets. */
function parseEnvironment(text: string): Record<string, string> {
	let parsed: unknown;
	try {
		parsed = JSON.parse(text);
	} catch {
		parsed = undefined;
	}
	if (
		typeof parsed !== "object" ||
		parsed === null ||
		Array.isArray(parsed) ||
		!Object.values(parsed).every((value) => typeof value === "string")
	)
		throw new MigrationError({
			expected:
				"one JSON object of environment variables, all strings, on standard input",
			found: "something else",
			fix: 'send, for instance, {"SOURCE_DATABASE_URL": "…"}',
		});
	return parsed as Record<string, string>;
}
