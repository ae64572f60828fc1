import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { Duplex } from "node:stream";

/** Seconds for the TCP connection, as docker's own connection helper sets. */
const CONNECT_TIMEOUT = 30;

/** How much of ssh's complaints is kept for the error message, in characters. */
const STDERR_KEPT = 4_096;

/**
 * The command line by which docker itself reaches an engine over ssh (docker/
 * cli, cli/connhelper): the system's ssh, with the options given, running
 * `docker system dial-stdio` on the other side.
 *
 * @param url ssh://[user@]host[:port]
 * @param options of ssh, word by word
 */
export function sshCommand(url: URL, options: readonly string[]): string[] {
	return [
		...(url.username ? ["-l", decodeURIComponent(url.username)] : []),
		...(url.port ? ["-p", url.port] : []),
		...options,
		...(options.some((option) => option.includes("ConnectTimeout"))
			? []
			: ["-o", `ConnectTimeout=${CONNECT_TIMEOUT}`]),
		"-T",
		"--",
		url.hostname.replace(/^\[|\]$/g, ""),
		"docker",
		"system",
		"dial-stdio",
	];
}

/**
 * The two pipes of an ssh process as one socket. It has the methods that
 * Node's HTTP client calls on sockets, which mean nothing for a pipe.
 */
export class SshSocket extends Duplex {
	private readonly child: ChildProcessWithoutNullStreams;
	private complaints = "";

	constructor(command: readonly string[]) {
		super();
		this.child = spawn("ssh", command, { stdio: "pipe" });
		this.child.stdout.on("data", (chunk: Buffer) => {
			if (!this.push(chunk)) {
				this.child.stdout.pause();
			}
		});
		this.child.stderr.on("data", (chunk: Buffer) => {
			this.complaints = (this.complaints + chunk).slice(-STDERR_KEPT);
		});
		// The exit tells why a write failed; the broken pipe does not.
		this.child.stdin.on("error", () => {});
		this.child.on("error", (error) => this.destroy(error));
		// The end of the output is told only now, together with its reason.
		this.child.on("close", (code, signal) => {
			if (code === 0) {
				this.push(null);
			} else if (!this.destroyed) {
				this.destroy(
					new Error(
						`command [ssh ${command.join(" ")}] has exited with ${signal ?? `exit status ${code}`}, make sure the URL is valid, and Docker 18.09 or later is installed on the remote host: stderr=${this.complaints.trim()}`,
					),
				);
			}
		});
	}

	override _read(): void {
		this.child.stdout.resume();
	}

	override _write(
		chunk: Buffer,
		encoding: BufferEncoding,
		done: (error?: Error | null) => void,
	): void {
		this.child.stdin.write(chunk, encoding, done);
	}

	override _final(done: () => void): void {
		this.child.stdin.end(done);
	}

	override _destroy(
		error: Error | null,
		done: (error: Error | null) => void,
	): void {
		this.child.kill();
		done(error);
	}

	setKeepAlive(): this {
		return this;
	}
	setNoDelay(): this {
		return this;
	}
	setTimeout(): this {
		return this;
	}
	ref(): this {
		this.child.ref();
		return this;
	}
	unref(): this {
		this.child.unref();
		return this;
	}
}
