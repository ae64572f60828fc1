import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
	chown,
	cp,
	mkdtemp,
	readFile,
	rm,
	symlink,
	writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { Client } from "pg";
import { type Authority, createAuthority } from "./authority";
import { freePort } from "./free-port";

export type PostgresVersion = 15 | 17;

export interface LocalPostgres {
	readonly version: PostgresVersion;
	readonly port: number;
	/** postgresql:// URL of the superuser on a database (default: postgres). */
	url(database?: string): string;
	/** PEM of the CA that signed the server's certificate; only with TLS. */
	readonly ca?: string;
	/** Makes an empty database and gives its URL. */
	createDatabase(name: string): Promise<string>;
	/** Crashes the server, waits `ms` milliseconds and starts it again on its port. */
	crash(ms: number): Promise<void>;
	/** Stops the server and removes its files. */
	stop(): Promise<void>;
}

const run = promisify(execFile);

/** nobody */
const UNPRIVILEGED = 65534;

/** root drops to nobody, because PostgreSQL refuses to run as root. */
const IDENTITY =
	process.getuid?.() === 0 ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {};

/**
 * Starts a throw-away PostgreSQL server from the packages pg15 and pg17 on a free
 * loopback port. Not durable (no fsync), so fast. With `tls` it takes TLS
 * connections only, with a certificate for localhost and 127.0.0.1.
 *
 * `superuser` is the bootstrap role; on Supabase it is supabase_admin, because
 * `postgres` is not a superuser there.
 */
export async function startLocalPostgres(options: {
	version: PostgresVersion;
	tls?: boolean;
	superuser?: string;
	/** Further server settings, for instance { wal_level: "logical" }. */
	settings?: Record<string, string>;
}): Promise<LocalPostgres> {
	const superuser = options.superuser ?? "supabase_admin";
	const password = randomBytes(16).toString("hex");
	const binaries = await postgresBinaries(options.version);
	const folder = await mkdtemp(join(tmpdir(), `postgres-${options.version}-`));
	const data = join(folder, "data");
	const own = async (path: string) => {
		if (IDENTITY.uid !== undefined)
			await chown(path, IDENTITY.uid, IDENTITY.gid);
	};
	await own(folder);

	const passwordFile = join(folder, "password");
	await writeFile(passwordFile, password, { mode: 0o600 });
	await own(passwordFile);
	await run(
		join(binaries, "initdb"),
		[
			"-D",
			data,
			"-U",
			superuser,
			"--pwfile",
			passwordFile,
			"-A",
			"scram-sha-256",
			"-E",
			"UTF8",
			"--locale",
			"C",
			"--no-sync",
		],
		{ ...IDENTITY, cwd: folder },
	);
	await rm(passwordFile);

	let authority: Authority | undefined;
	const settings: Record<string, string> = {
		listen_addresses: "127.0.0.1",
		unix_socket_directories: "",
		fsync: "off",
		synchronous_commit: "off",
		full_page_writes: "off",
		max_wal_size: "4GB",
		shared_buffers: "128MB",
		...options.settings,
	};
	if (options.tls) {
		authority = await createAuthority("Throw-away PostgreSQL CA");
		const server = await authority.issue(["localhost", "127.0.0.1"]);
		for (const [name, text] of [
			["server.crt", server.certificate],
			["server.key", server.key],
		] as const) {
			await writeFile(join(data, name), text, { mode: 0o600 });
			await own(join(data, name));
		}
		await writeFile(
			join(data, "pg_hba.conf"),
			"hostssl all all all scram-sha-256\nhostssl replication all all scram-sha-256\n",
		);
		settings.ssl = "on";
	}

	const port = await freePort();
	const launch = () =>
		spawn(
			join(binaries, "postgres"),
			[
				"-D",
				data,
				"-p",
				String(port),
				...Object.entries(settings).flatMap(([key, value]) => [
					"-c",
					`${key}=${value}`,
				]),
			],
			{ ...IDENTITY, cwd: folder, stdio: ["ignore", "ignore", "pipe"] },
		);
	let server = launch();
	let log = collect(server);

	const url = (database = "postgres") => {
		const address = new URL(`postgresql://127.0.0.1:${port}/${database}`);
		address.username = superuser;
		address.password = password;
		return address.href;
	};
	const ca = authority?.certificate;
	const connect = (database?: string) =>
		new Client({ connectionString: url(database), ssl: ca ? { ca } : false });
	const stop = async () => {
		await stopServer(server);
		await rm(folder, { recursive: true, force: true });
	};
	try {
		await untilAnswering(server, connect, log);
	} catch (error) {
		await stop();
		throw error;
	}
	return {
		version: options.version,
		port,
		url,
		...(ca ? { ca } : {}),
		async createDatabase(name) {
			const client = connect();
			await client.connect();
			try {
				await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
			} finally {
				await client.end();
			}
			return url(name);
		},
		async crash(ms) {
			// SIGQUIT: an immediate shutdown, which recovers as after a crash.
			await stopServer(server);
			await new Promise((resolve) => setTimeout(resolve, ms));
			server = launch();
			log = collect(server);
			await untilAnswering(server, connect, log);
		},
		stop,
	};
}

/**
 * Folder with initdb and postgres of that version, ready to run by the user that
 * the servers run as. The package's install script makes the links of its shared
 * libraries; where install scripts do not run, they are made here. A checkout
 * that only root may enter (below /root) is copied out of.
 */
export async function postgresBinaries(
	version: PostgresVersion,
): Promise<string> {
	const installed = join(__dirname, "..", "node_modules", `pg${version}`);
	const links = JSON.parse(
		await readFile(join(installed, "native", "pg-symlinks.json"), "utf8"),
	) as { source: string; target: string }[];
	for (const { source, target } of links) {
		await symlink(basename(source), join(installed, target)).catch(
			(error: NodeJS.ErrnoException) => {
				if (error.code !== "EEXIST") throw error;
			},
		);
	}
	const bin = join(installed, "native", "bin");
	try {
		await run(join(bin, "postgres"), ["--version"], { ...IDENTITY, cwd: "/" });
		return bin;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
	}
	const copy = join(tmpdir(), `postgres-${version}-binaries`);
	await cp(join(installed, "native"), copy, {
		recursive: true,
		verbatimSymlinks: true,
	});
	return join(copy, "bin");
}

/** Immediate shutdown: the files go anyway. */
async function stopServer(server: ChildProcess): Promise<void> {
	if (server.exitCode !== null || server.signalCode !== null) return;
	const ended = new Promise((resolve) => server.once("exit", resolve));
	server.kill("SIGQUIT");
	await ended;
}

function collect(server: ChildProcess): () => string {
	let text = "";
	server.stderr?.on("data", (chunk: Buffer) => {
		text = (text + chunk.toString()).slice(-4000);
	});
	return () => text;
}

async function untilAnswering(
	server: ChildProcess,
	connect: () => Client,
	log: () => string,
): Promise<void> {
	const deadline = Date.now() + 30_000;
	for (;;) {
		const client = connect();
		try {
			await client.connect();
			await client.end();
			return;
		} catch (error) {
			await client.end().catch(() => {});
			if (server.exitCode !== null || Date.now() > deadline) {
				throw new Error(
					`PostgreSQL did not start: ${(error as Error).message}\n${log()}`,
				);
			}
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
	}
}
