import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { type RunOptions, run } from "./run";

/** How to reach a Droplet: the host key is pinned, nothing is trusted on first use. */
export const sshTarget = z.strictObject({
	user: z.string(),
	host: z.string(),
	port: z.number().default(22),
	/** Public host key in OpenSSH form, for instance "ssh-ed25519 AAAA…". */
	hostKey: z.string(),
	/** Private client key, PEM of OpenSSH. */
	privateKey: z.string(),
});

export type SshTarget = z.output<typeof sshTarget>;

export type RemoteOptions = Pick<
	RunOptions,
	"input" | "outputFile" | "showProgress" | "timeoutMs"
>;

/**
 * Runs one command on a Droplet with the system's ssh.
 *
 * @returns its standard output.
 * @throws Error with the exit code and the end of standard error.
 */
export async function remote(
	target: SshTarget,
	command: string,
	options: RemoteOptions = {},
): Promise<string> {
	const folder = await mkdtemp(join(tmpdir(), "cutover-ssh-"));
	try {
		const key = join(folder, "key");
		const knownHosts = join(folder, "known_hosts");
		await writeFile(key, `${target.privateKey.trimEnd()}\n`, { mode: 0o600 });
		// OpenSSH looks for the bare host at port 22, for [host]:port elsewhere.
		const entries = [target.host, `[${target.host}]:${target.port}`].map(
			(host) => `${host} ${target.hostKey.trim()}\n`,
		);
		await writeFile(knownHosts, entries.join(""));
		const result = await run(
			"ssh",
			[
				...["-F", "none", "-p", String(target.port), "-i", key],
				...["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"],
				...["-o", "StrictHostKeyChecking=yes"],
				...["-o", `UserKnownHostsFile=${knownHosts}`],
				...["-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5"],
				`${target.user}@${target.host}`,
				command,
			],
			// No limit of time: an export takes as long as the data need, and a dead
			// connection is noticed by ServerAliveInterval.
			options,
		);
		if (result.exitCode !== 0) {
			throw new RemoteError(
				target.host,
				result.exitCode,
				result.stdout,
				result.stderr,
			);
		}
		return result.stdout;
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}

/** A command that failed on a Droplet; its output stays readable for the caller. */
export class RemoteError extends Error {
	override readonly name = "RemoteError";
	constructor(
		host: string,
		readonly exitCode: number | undefined,
		readonly stdout: string,
		readonly stderr: string,
	) {
		super(
			`a command on ${host} ended with ${exitCode ?? "a time-out"}: ${stderr.trim().slice(-800)}`,
		);
	}
}
