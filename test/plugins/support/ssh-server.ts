import { spawn } from "node:child_process";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { Server, type Session, utils } from "ssh2";
import { generateKey } from "../../ssh-key";

export interface SshServer {
	port: number;
	/** As in known_hosts, without the host's name. */
	hostKey: string;
	close(): Promise<void>;
}

export interface ServerOptions {
	accepts: string[];
	rewrite?: (command: string) => string;
}

/**
 * An SSH server on loopback that runs commands as this user and takes files by
 * SFTP: what remote commands and copies need of sshd.
 *
 * @param clientKey the one key that may log in, as in authorized_keys
 * @param options.accepts names of variables that clients may set, as AcceptEnv
 * @param options.rewrite gives the command to run in place of one that is asked for
 */
export function startSshServer(
	clientKey: string,
	options: ServerOptions,
): Promise<SshServer> {
	const host = generateKey();
	const allowed = utils.parseKey(clientKey);
	if (allowed instanceof Error) {
		throw allowed;
	}
	const server = new Server({ hostKeys: [host.private] }, (client) => {
		client.on("error", () => {});
		client.on("authentication", (context) => {
			const known =
				context.method === "publickey" &&
				context.key.data.equals(allowed.getPublicSSH()) &&
				(!context.signature ||
					allowed.verify(
						context.blob as Buffer,
						context.signature,
						context.hashAlgo,
					) === true);
			known ? context.accept() : context.reject(["publickey"]);
		});
		client.on("session", (accept) => serve(accept(), options));
	});
	return new Promise((resolve) => {
		server.listen(0, "127.0.0.1", () =>
			resolve({
				port: (server.address() as AddressInfo).port,
				hostKey: host.public.split(" ").slice(0, 2).join(" "),
				close: () => new Promise((done) => server.close(() => done())),
			}),
		);
	});
}

function serve(
	session: Session,
	{ accepts, rewrite = (command) => command }: ServerOptions,
): void {
	const env: Record<string, string> = {};
	session.on("env", (accept, reject, { key, val }) => {
		if (accepts.includes(key)) {
			env[key] = val;
			accept?.();
		} else {
			reject?.();
		}
	});
	session.on("exec", (accept, _reject, { command }) => {
		const channel = accept();
		const child = spawn("/bin/sh", ["-c", rewrite(command)], {
			env: { PATH: process.env.PATH, ...env },
		});
		channel.pipe(child.stdin);
		child.stdin.on("error", () => {});
		child.stdout.pipe(channel, { end: false });
		child.stderr.pipe(channel.stderr, { end: false });
		child.on("close", (code) => {
			channel.exit(code ?? 1);
			channel.end();
		});
	});
	session.on("sftp", (accept) => {
		const sftp = accept();
		const { STATUS_CODE } = utils.sftp;
		const stat = (request: number, path: string) => {
			try {
				const { mode, uid, gid, size } = statSync(path);
				sftp.attrs(request, { mode, uid, gid, size, atime: 0, mtime: 0 });
			} catch {
				sftp.status(request, STATUS_CODE.NO_SUCH_FILE);
			}
		};
		const files = new Map<string, { path: string; chunks: Buffer[] }>();
		sftp.on("STAT", stat);
		sftp.on("LSTAT", stat);
		sftp.on("MKDIR", (request, path) => {
			mkdirSync(path);
			sftp.status(request, STATUS_CODE.OK);
		});
		sftp.on("OPEN", (request, path) => {
			const handle = Buffer.from([files.size]);
			files.set(handle.toString("hex"), { path, chunks: [] });
			sftp.handle(request, handle);
		});
		sftp.on("WRITE", (request, handle, _offset, data) => {
			files.get(handle.toString("hex"))?.chunks.push(data);
			sftp.status(request, STATUS_CODE.OK);
		});
		sftp.on("FSETSTAT", (request) => sftp.status(request, STATUS_CODE.OK));
		sftp.on("CLOSE", (request, handle) => {
			const file = files.get(handle.toString("hex"));
			if (file) {
				writeFileSync(file.path, Buffer.concat(file.chunks));
			}
			sftp.status(request, STATUS_CODE.OK);
		});
	});
}
