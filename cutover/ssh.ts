import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
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
 * @throws RemoteError with the exit code and the end of standard error.
 */
export function remote(
	target: SshTarget,
	command: string,
	options: RemoteOptions = {},
): Promise<string> {
	return withSsh(target, async (args) => {
		// No limit of time: an export takes as long as the data need, and a dead
		// connection is noticed by ServerAliveInterval.
		const result = await run("ssh", [...args, command], options);
		if (result.exitCode === 0) return result.stdout;
		const { exitCode, stdout, stderr } = result;
		throw new RemoteError(target.host, exitCode, stdout, stderr);
	});
}

/** A command on a Droplet that is talked to, line by line. */
export interface Conversation {
	/** Writes a line to its standard input. */
	send(line: string): void;
	/** Rejects with a RemoteError when the command ends. */
	readonly ended: Promise<never>;
}

/**
 * Runs one command on a Droplet whose standard input stays open until `work` is done.
 *
 * @param onLine takes each line of its standard output.
 * @returns what `work` gives, when the command has ended.
 * @throws RemoteError when it ends before.
 */
export function converse<T>(
	target: SshTarget,
	command: string,
	onLine: (line: string) => void,
	work: (conversation: Conversation) => Promise<T>,
): Promise<T> {
	return withSsh(target, async (args) => {
		const child = spawn("ssh", [...args, command]);
		let stderr = "";
		child.stderr.on("data", (chunk: Buffer) => {
			stderr += chunk;
		});
		createInterface({ input: child.stdout }).on("line", onLine);
		child.stdin.on("error", () => undefined);
		const closed = new Promise<number | undefined>((resolve, reject) => {
			child.once("error", reject);
			child.once("close", (code) => resolve(code ?? undefined));
		});
		const ended = closed.then((exitCode): never => {
			throw new RemoteError(target.host, exitCode, "", stderr);
		});
		try {
			return await Promise.race([
				work({ send: (line) => child.stdin.write(`${line}\n`), ended }),
				ended,
			]);
		} finally {
			child.stdin.end();
			await closed;
		}
	});
}

/** Lays out the keys for as long as `work` takes, and gives it ssh's arguments. */
async function withSsh<T>(
	target: SshTarget,
	work: (args: string[]) => Promise<T>,
): Promise<T> {
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
		return await work([
			...["-F", "none", "-p", String(target.port), "-i", key],
			...["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"],
			...["-o", "StrictHostKeyChecking=yes"],
			...["-o", `UserKnownHostsFile=${knownHosts}`],
			...["-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5"],
			`${target.user}@${target.host}`,
		]);
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
