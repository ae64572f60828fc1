import { join } from "node:path";
import { withConnection } from "../connection";
import { checkFile } from "../copy/files";
import { readManifest } from "../copy/manifest";
import { ExitCode, MigrationError } from "../errors";
import { type Options, sourceOf, stackAuthOf, targetOf } from "../options";
import type { StepMetrics } from "../step-metrics";
import { Api } from "../users/api";
import { bringUsersBack } from "../users/back";
import { moveUsers } from "../users/move";
import { sendResets } from "../users/resets";
import type { UsersResult } from "../users/result";
import {
	hasAuth,
	readLiveUsers,
	readUsers,
	type SourceUser,
} from "../users/source";
import { type Project, StackAuth } from "../users/stack-auth";
import type { Outcome } from "./outcome";

const REPORT_INTERVAL_MS = 5000;

/** Moves the users, or says how many of which kind would move; or mails those without a password. */
export async function runUsers(options: Options): Promise<Outcome> {
	const stackAuth = new StackAuth(new Api(stackAuthOf(options)));
	if (options.sendResets) return runResets(options, stackAuth);
	if (options.reverse) return runBack(options, stackAuth);
	const project = await stackAuth.project();
	const policy = {
		...options,
		carryHashes: carries(options, project),
		oauthProviders: providers(options, project),
	};
	const result = await withConnection(
		targetOf(options),
		{ readOnly: options.dryRun },
		(target) =>
			options.directory
				? withExportedUsers(options.directory, (users) =>
						moveUsers(target, stackAuth, users, { ...policy, complete: false }),
					)
				: withLiveUsers(options, (users) =>
						moveUsers(target, stackAuth, users, { ...policy, complete: true }),
					),
	);
	note(options.metrics, {
		total: result.total,
		moved: result.moved,
		updated: result.updated,
		already_moved: result.alreadyMoved,
		shut_out: result.shutOut,
		skipped: Object.values(result.skipped).reduce((sum, n) => sum + n, 0),
		conflicts: result.conflicts.length,
	});
	return {
		json: { dryRun: options.dryRun, ...result },
		lines: report(result, options.dryRun),
		exitCode:
			result.conflicts.length > 0 ? ExitCode.differences : ExitCode.done,
	};
}

/** Makes who signed up in the new system in the old one as well. */
async function runBack(
	options: Options,
	stackAuth: StackAuth,
): Promise<Outcome> {
	const { dryRun } = options;
	// What the operator has said of a name goes before its own.
	const names = [...providers(options, await stackAuth.project())].sort(
		([old, name], [other, called]) =>
			Number(old !== name) - Number(other !== called),
	);
	const result = await withConnection(
		sourceOf(options),
		{ readOnly: dryRun },
		async (source) => {
			if (!(await hasAuth(source))) throw noUsers("the source");
			return withConnection(targetOf(options), { readOnly: dryRun }, (target) =>
				bringUsersBack({ source, target }, stackAuth, {
					oauthProviders: new Map(names.map(([old, name]) => [name, old])),
					dryRun,
				}),
			);
		},
	);
	const { made, total } = result;
	note(options.metrics, { total, made: made.length });
	return {
		json: { dryRun, ...result },
		lines: [
			`${dryRun ? "would make" : "made"} ${made.length} of ${total} users in the old system: they choose a password by its reset`,
			...made.map(
				({ id, email, remarks }) =>
					`  ${id} ${[email ?? "without an address", ...remarks].join(": ")}`,
			),
		],
		exitCode: ExitCode.done,
	};
}

function note(metrics: StepMetrics, counts: Record<string, number>): void {
	for (const [result, count] of Object.entries(counts))
		metrics.set("cutover_users", count, { result });
}

/** The users of an export, as they were then: whoever is not among them may have come since. */
async function withExportedUsers(
	directory: string,
	move: (users: AsyncGenerator<SourceUser>) => Promise<UsersResult>,
): Promise<UsersResult> {
	const { users } = await readManifest(directory);
	if (!users) throw noUsers("the export");
	const path = join(directory, users.file);
	await checkFile(path, users.sha256);
	return move(readUsers(path));
}

/** The users of the live source, all out of one snapshot. */
async function withLiveUsers(
	options: Options,
	move: (users: AsyncGenerator<SourceUser>) => Promise<UsersResult>,
): Promise<UsersResult> {
	return withConnection(
		sourceOf(options),
		{ readOnly: true },
		async (source) => {
			await source.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
			if (!(await hasAuth(source))) throw noUsers("the source");
			return move(readLiveUsers(source));
		},
	);
}

async function runResets(
	options: Options,
	stackAuth: StackAuth,
): Promise<Outcome> {
	const { resetUrl, dryRun, resetsPerHour } = options;
	if (!resetUrl || !/^https?:\/\//.test(resetUrl) || !URL.canParse(resetUrl))
		throw new MigrationError({
			expected:
				"--reset-url, the new application's page to choose a password on, for --send-resets",
			found: resetUrl ?? "none",
			fix: "give --reset-url https://…; its domain must be a trusted one of the Stack Auth project",
		});
	await stackAuth.project();
	const result = await withConnection(
		targetOf(options),
		{ readOnly: dryRun },
		(target) =>
			sendResets(target, stackAuth, {
				callbackUrl: resetUrl,
				perHour: resetsPerHour,
				dryRun,
				onProgress: everyFewSeconds((sent, due) =>
					process.stderr.write(`resets: ${sent} of ${due} mails sent\n`),
				),
			}),
	);
	return {
		json: { dryRun, ...result },
		lines: [
			dryRun
				? `would mail ${result.due} users, which takes about ${Math.ceil((result.due / resetsPerHour) * 60)} minutes`
				: `mailed ${result.sent} of ${result.due} users; ${result.settled} had chosen a password, ${result.passedOver} do not log in by e-mail`,
		],
		exitCode: ExitCode.done,
	};
}

/** Lets a report through now and then, and the last one in any case. */
function everyFewSeconds(
	report: (done: number, of: number) => void,
): (done: number, of: number) => void {
	let last = Number.NEGATIVE_INFINITY;
	return (done, of) => {
		if (done < of && performance.now() - last < REPORT_INTERVAL_MS) return;
		last = performance.now();
		report(done, of);
	};
}

function carries({ carryHashes }: Options, project: Project): boolean {
	if (carryHashes && !project.passwords)
		throw new MigrationError({
			expected: "a Stack Auth project that lets users log in by password",
			found: "password log-in switched off",
			fix: "switch it on in the project, or give --reset-passwords to carry no hashes",
		});
	return carryHashes;
}

/** The new project's name for each provider: the same, but for what the operator says. */
function providers(
	{ oauthProviders }: Options,
	project: Project,
): Map<string, string> {
	const names = new Map(project.oauthProviders.map((name) => [name, name]));
	for (const text of oauthProviders) {
		const [old = "", name = old] = text.split("=");
		if (!project.oauthProviders.includes(name))
			throw new MigrationError({
				expected: `--oauth-provider to name a provider of the Stack Auth project (${project.oauthProviders.join(", ") || "it has none"})`,
				found: text,
				fix: "switch the provider on in the project, or leave the option away",
			});
		names.set(old, name);
	}
	return names;
}

function report(result: UsersResult, dryRun: boolean): string[] {
	const would = dryRun ? "would move" : "moved";
	return [
		`${would} ${result.moved} of ${result.total} users; ${result.alreadyMoved} had moved before, ${result.updated} of the moved had changed since, ${result.shutOut} were removed`,
		`  ${result.withHash} with their password, ${result.passwordReset} must set one anew`,
		...Object.entries(result.skipped).map(
			([reason, n]) => `  ${n} skipped: ${reason}`,
		),
		...result.remarks.map(
			({ remark, users, ids }) =>
				`  ${users} ${users === 1 ? "user" : "users"}: ${remark} (${ids.slice(0, 3).join(", ")}${users > 3 ? ", …" : ""})`,
		),
		...result.conflicts.map(({ id, reason }) => `  ${id}: NOT DONE, ${reason}`),
	];
}

function noUsers(where: string): MigrationError {
	return new MigrationError({
		expected: `Supabase's users in ${where}`,
		found: "no auth.users",
		fix: "give the database or the export of the Supabase project",
	});
}
