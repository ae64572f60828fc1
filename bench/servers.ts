import { readdirSync, readFileSync } from "node:fs";
import { Client } from "pg";
import { type LocalPostgres, startLocalPostgres } from "../test/postgres";

/**
 * Settings of both servers: durable, and WAL kept as a standby needs it, as on a
 * managed database. All else is PostgreSQL's default but the sizes of memory and
 * of WAL between checkpoints, which those services raise as well.
 */
export const SETTINGS = {
	fsync: "on",
	synchronous_commit: "on",
	full_page_writes: "on",
	wal_level: "replica",
	shared_buffers: "512MB",
	max_wal_size: "8GB",
};

/** The versions that the move goes between. */
export const VERSIONS = { source: 15, target: 17 } as const;

const DATABASE = "bench";

/** Two servers on this machine, a database on each. */
export class Servers {
	private constructor(
		private readonly source: LocalPostgres,
		private readonly target: LocalPostgres,
	) {}

	static async start(): Promise<Servers> {
		const [source, target] = await Promise.all(
			[VERSIONS.source, VERSIONS.target].map((version) =>
				startLocalPostgres({ version, settings: SETTINGS }),
			),
		);
		if (!source || !target) throw new Error("two servers gave fewer");
		return new Servers(source, target);
	}

	/** Makes the source anew and fills it. */
	async fill(sql: string): Promise<void> {
		await recreate(this.source);
		await this.onSource(sql);
		await this.onSource("VACUUM (FREEZE, ANALYZE)");
	}

	/** Empties the target and lets both servers come to rest. */
	async reset(): Promise<void> {
		await recreate(this.target);
		for (const url of [this.sourceUrl, this.targetUrl])
			await withClient(url, (client) => client.query("CHECKPOINT"));
	}

	get sourceUrl(): string {
		return this.source.url(DATABASE);
	}

	get targetUrl(): string {
		return this.target.url(DATABASE);
	}

	async onSource(sql: string): Promise<Record<string, unknown>[]> {
		return withClient(this.sourceUrl, async (client) => {
			const result = await client.query(sql);
			return Array.isArray(result) ? result.at(-1).rows : result.rows;
		});
	}

	async onTarget(sql: string): Promise<Record<string, unknown>[]> {
		return withClient(
			this.targetUrl,
			async (client) => (await client.query(sql)).rows,
		);
	}

	/** Versions as the servers name themselves. */
	async versions(): Promise<{ source: string; target: string }> {
		const version = `SELECT current_setting('server_version') AS "version"`;
		const [[source], [target]] = [
			await this.onSource(version),
			await this.onTarget(version),
		];
		return { source: String(source?.version), target: String(target?.version) };
	}

	/** Processor seconds of both servers so far, all their processes, ended ones too. */
	async processorSeconds(): Promise<number> {
		const pids = await Promise.all(
			[this.sourceUrl, this.targetUrl].map(postmaster),
		);
		return pids.reduce((sum, pid) => sum + treeSeconds(pid), 0);
	}

	async stop(): Promise<void> {
		await Promise.all([this.source.stop(), this.target.stop()]);
	}
}

async function recreate(server: LocalPostgres): Promise<void> {
	await withClient(server.url(), (client) =>
		client.query(`DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`),
	);
	await server.createDatabase(DATABASE);
}

async function withClient<T>(
	url: string,
	work: (client: Client) => Promise<T>,
): Promise<T> {
	const client = new Client({ connectionString: url });
	await client.connect();
	try {
		return await work(client);
	} finally {
		await client.end();
	}
}

async function postmaster(url: string): Promise<number> {
	return withClient(url, async (client) => {
		const { rows } = await client.query(`SELECT pg_backend_pid() AS "pid"`);
		return stat(rows[0]?.pid).parent;
	});
}

/** proc(5): USER_HZ is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Own time, that of children that have ended, and that of those still there. */
function treeSeconds(pid: number): number {
	const own = stat(pid);
	let ticks = own.used + own.usedByEnded;
	for (const entry of readdirSync("/proc")) {
		if (!/^\d+$/.test(entry)) continue;
		try {
			const child = stat(Number(entry));
			if (child.parent === pid) ticks += child.used;
		} catch {
			// It ended while the list was read.
		}
	}
	return ticks / TICKS_PER_SECOND;
}

/** Fields of /proc/PID/stat after the name, which may hold anything. */
function stat(pid: number): {
	parent: number;
	used: number;
	usedByEnded: number;
} {
	const text = readFileSync(`/proc/${pid}/stat`, "utf8");
	const fields = text
		.slice(text.lastIndexOf(")") + 2)
		.split(" ")
		.map(Number);
	const at = (field: number) => fields[field - 3] ?? 0;
	return {
		parent: at(4),
		used: at(14) + at(15),
		usedByEnded: at(16) + at(17),
	};
}

/** Processor seconds of this process's children that have ended. */
export function childrenSeconds(): number {
	return stat(process.pid).usedByEnded / TICKS_PER_SECOND;
}
