import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";

/** A way to fill an empty target from a source. */
export interface Contender {
	readonly name: string;
	/** As typed, without addresses. */
	readonly command: string;
	/** Shell script over SOURCE, TARGET (URLs) and WORK (an empty folder). */
	readonly script: string;
	/** Prints what it is; the first line counts. */
	readonly version: string;
}

const CORES = availableParallelism();

/** The rival whose time is 1. */
export const PGCOPYDB = "pgcopydb clone";
export const DUMP_RESTORE = `pg_dump -j ${CORES}, pg_restore -j ${CORES}`;
export const OURS = "migrate copy";
export const OURS_PROVEN = "migrate copy --proof";

/** Every one with its own defaults, or as many workers as there are processors. */
export const CONTENDERS: readonly Contender[] = [
	{
		name: PGCOPYDB,
		command: "pgcopydb clone",
		script: `pgcopydb clone --source "$SOURCE" --target "$TARGET" --dir "$WORK/pgcopydb"`,
		version: "pgcopydb --version | head -1",
	},
	{
		name: DUMP_RESTORE,
		command: `pg_dump -Fd -j ${CORES}; pg_restore -j ${CORES}`,
		script: `pg_dump -Fd -j ${CORES} -f "$WORK/dump" "$SOURCE" && pg_restore -j ${CORES} --no-owner -d "$TARGET" "$WORK/dump"`,
		version: "pg_dump --version",
	},
	{
		name: "pg_dump | psql",
		command: "pg_dump | psql",
		script: `pg_dump --no-owner "$SOURCE" | psql -X -q -v ON_ERROR_STOP=1 -d "$TARGET"`,
		version: "psql --version",
	},
	{
		name: OURS,
		command: "npm run -s migrate -- copy",
		script: `npm run -s migrate -- copy --json`,
		version: "node --version",
	},
	{
		name: OURS_PROVEN,
		command: "npm run -s migrate -- copy --proof",
		script: `npm run -s migrate -- copy --proof --json`,
		version: "node --version",
	},
];

export interface Ran {
	readonly seconds: number;
	readonly stdout: string;
}

/** Runs a shell script and times it as a whole; fails with its last words. */
export async function runScript(
	script: string,
	addresses: { readonly source: string; readonly target: string },
): Promise<Ran> {
	const work = await mkdtemp(join(tmpdir(), "bench-"));
	const passwords = join(work, "passwords");
	await writeFile(
		passwords,
		[addresses.source, addresses.target].map(passwordLine).join(""),
		{ mode: 0o600 },
	);
	const started = performance.now();
	try {
		const child = spawn("bash", ["-o", "pipefail", "-c", script], {
			cwd: join(__dirname, ".."),
			env: {
				...process.env,
				SOURCE: withoutPassword(addresses.source),
				TARGET: withoutPassword(addresses.target),
				PGPASSFILE: passwords,
				SOURCE_DATABASE_URL: addresses.source,
				TARGET_DATABASE_URL: addresses.target,
				WORK: work,
			},
			stdio: ["ignore", "pipe", "pipe"],
		});
		let stdout = "";
		let stderr = "";
		child.stdout.on("data", (text) => {
			stdout += text;
		});
		child.stderr.on("data", (text) => {
			stderr = `${stderr}${text}`.slice(-2000);
		});
		const code = await new Promise((resolve) => child.once("close", resolve));
		const seconds = (performance.now() - started) / 1000;
		if (code !== 0) throw new Error(`${script}\nended with ${code}: ${stderr}`);
		return { seconds, stdout };
	} finally {
		await rm(work, { recursive: true, force: true });
	}
}

/** host:port:database:user:password (postgresql.org/docs/current/libpq-pgpass.html) */
function passwordLine(url: string): string {
	const { hostname, port, username, password } = new URL(url);
	return `${hostname}:${port}:*:${username}:${password}\n`;
}

function withoutPassword(url: string): string {
	const parsed = new URL(url);
	parsed.password = "";
	return parsed.href;
}
