import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import pg from "pg";
import { type LocalPostgres, startLocalPostgres } from "../postgres";
import { type Line, openLine } from "./line";
import {
	ask,
	createTenant,
	environment,
	SCHEMA_FOLDER,
	type Tenant,
} from "./support";

/** The program as the image holds it: the bundle, and the SQL file beside it. */
async function bundle(folder: string): Promise<string> {
	const outfile = join(folder, "server.js");
	await build({
		entryPoints: [join(__dirname, "server.ts")],
		bundle: true,
		platform: "node",
		target: "node20",
		external: ["pg-native"],
		outfile,
	});
	await mkdir(join(folder, "sql"));
	await cp(
		join(SCHEMA_FOLDER, "new-schema.sql"),
		join(folder, "sql", "new-schema.sql"),
	);
	return outfile;
}

describe("node server.js", () => {
	let folder: string;
	let program: string;
	let server: LocalPostgres;
	const started: ChildProcess[] = [];

	before(async () => {
		folder = await mkdtemp(join(tmpdir(), "backend-"));
		program = await bundle(folder);
		server = await startLocalPostgres({ version: 17, tls: true });
		await writeFile(join(folder, "ca.pem"), server.ca ?? "");
	});
	after(async () => {
		for (const child of started) {
			child.kill("SIGKILL");
		}
		await server?.stop();
		await rm(folder, { recursive: true, force: true });
	});

	/** The URL as the product gets it: everything about the server is verified. */
	function verified(url: string, caFile = join(folder, "ca.pem")): string {
		return `${url}?sslmode=verify-full&sslrootcert=${encodeURIComponent(caFile)}`;
	}

	function run(variables: Record<string, string>, ...words: string[]) {
		const child = spawn(process.execPath, [program, ...words], {
			env: { PATH: process.env.PATH, ...variables },
			stdio: ["ignore", "pipe", "pipe"],
		});
		started.push(child);
		let output = "";
		for (const stream of [child.stdout, child.stderr]) {
			stream.on("data", (chunk) => {
				output += chunk;
			});
		}
		const ended = once(child, "close").then(([code]) => code as number | null);
		return {
			child,
			ended,
			output: () => output,
			/** Waits until the output holds that text. */
			async said(text: RegExp): Promise<RegExpExecArray> {
				for (;;) {
					const found = text.exec(output);
					if (found !== null) {
						return found;
					}
					const over = await Promise.race([
						once(child.stdout, "data").then(() => false),
						ended.then(() => true),
					]);
					assert(!over || text.test(output), `it ended: ${output}`);
				}
			},
		};
	}

	async function serve(variables: Record<string, string>) {
		const running = run({ PORT: "0", ...variables });
		const port = (
			await running.said(/"msg":"Server listening at [^"]+:(\d+)"/)
		)[1];
		return { ...running, url: `http://127.0.0.1:${port}` };
	}

	it("migrates over verified TLS, then serves, then stops in order", async () => {
		const url = await server.createDatabase("serving");
		const DATABASE_URL = verified(url);
		const migration = run({ DATABASE_URL }, "migrate");
		assert.equal(await migration.ended, 0, migration.output());
		assert.deepEqual(JSON.parse(migration.output()).applied, [
			"new-schema.sql",
		]);

		const running = await serve(
			environment(DATABASE_URL, { SHUTDOWN_DRAIN_SECONDS: "0" }),
		);
		const { body } = await ask(`${running.url}/health`);
		assert.equal(body.status, "healthy");
		running.child.kill("SIGTERM");
		assert.equal(await running.ended, 0);
		assert.match(running.output(), /"msg":"stopped"/);
		assert.equal(await connections(url), 0);
	});

	describe("TLS", () => {
		let line: Line;
		before(async () => {
			line = await openLine(server.port, "127.0.0.2");
		});
		after(() => line?.close());

		const refused = async (url: string, reason: RegExp) => {
			const migration = run({ DATABASE_URL: url }, "migrate");
			assert.equal(await migration.ended, 1);
			assert.match(migration.output(), reason);
			assert(!migration.output().includes(new URL(url).password));
		};

		it("refuses a server whose certificate another authority signed", async () => {
			const other = await startLocalPostgres({ version: 17, tls: true });
			try {
				await refused(
					verified(other.url()),
					/unable to verify the first certificate|self.signed/,
				);
			} finally {
				await other.stop();
			}
		});

		it("refuses a server whose certificate names another host", async () => {
			const elsewhere = new URL(server.url());
			elsewhere.hostname = "127.0.0.2";
			elsewhere.port = String(line.port);
			await refused(
				verified(elsewhere.href),
				/IP: 127\.0\.0\.2 is not in the cert/,
			);
		});

		it("refuses a CA file that is not there", async () => {
			await refused(
				verified(server.url(), join(folder, "missing.pem")),
				/ENOENT.*missing\.pem/,
			);
		});
	});

	it("does not serve, and gives up, while there is no schema", async () => {
		const url = await server.createDatabase("empty");
		const running = run(
			environment(verified(url), { STARTUP_TIMEOUT_SECONDS: "1" }),
		);
		assert.equal(await running.ended, 1);
		assert.match(running.output(), /run `node server\.js migrate`/);
		assert.doesNotMatch(running.output(), /listening/);
	});

	it("begins to serve when the schema comes", async () => {
		const url = await server.createDatabase("patience");
		const running = run({ PORT: "0", ...environment(verified(url)) });
		await running.said(/waiting for the database/);
		const migration = run({ DATABASE_URL: verified(url) }, "migrate");
		assert.equal(await migration.ended, 0);
		await running.said(/Server listening/);
		running.child.kill("SIGKILL");
	});

	it("can be stopped while it waits", async () => {
		const url = await server.createDatabase("impatience");
		const running = run(environment(verified(url)));
		await running.said(/waiting for the database/);
		running.child.kill("SIGTERM");
		assert.equal(await running.ended, 0, running.output());
	});

	it("names what is missing in the environment", async () => {
		const running = run({ DATABASE_URL: "postgresql://user:hunter2@db/main" });
		assert.equal(await running.ended, 2);
		assert.match(running.output(), /STACK_AUTH_PROJECT_ID: not set/);
		assert.doesNotMatch(running.output(), /hunter2|\n {4}at /);
	});

	it("shows its usage for any other command", async () => {
		const running = run({}, "destroy");
		assert.equal(await running.ended, 2);
		assert.match(running.output(), /usage: node server\.js/);
	});

	describe("stopping", () => {
		let url: string;
		let client: pg.Client;
		let pool: pg.Pool;
		let tenant: Tenant;
		before(async () => {
			url = await server.createDatabase("stopping");
			const migration = run({ DATABASE_URL: verified(url) }, "migrate");
			assert.equal(await migration.ended, 0);
			pool = new pg.Pool({ connectionString: verified(url) });
			pool.on("error", () => {});
			tenant = await createTenant(pool, "stopping");
		});
		beforeEach(async () => {
			client = new pg.Client({ connectionString: verified(url) });
			await client.connect();
		});
		afterEach(() => client?.end());
		after(() => pool?.end());

		const uplink = () => ({
			body: {
				end_device_ids: { dev_eui: tenant.devEui },
				uplink_message: { decoded_payload: { temperature: 3 } },
			},
			headers: { "x-api-key": tenant.secret },
		});

		it("finishes the request in flight", async () => {
			const running = await serve(
				environment(verified(url), { SHUTDOWN_DRAIN_SECONDS: "0" }),
			);
			await client.query("BEGIN");
			await client.query("LOCK TABLE sensor_readings");
			const answer = ask(`${running.url}/api/webhooks/ttn`, uplink());
			await untilBlocked(client);
			running.child.kill("SIGTERM");
			await running.said(/"msg":"stopping"/);
			await client.query("COMMIT");
			assert.equal((await answer).status, 200);
			assert.equal(await running.ended, 0);
		});

		it("fails no request under load", async () => {
			const running = await serve(
				environment(verified(url), { SHUTDOWN_DRAIN_SECONDS: "1" }),
			);
			const agent = new Agent({ keepAlive: true });
			const statuses: number[] = [];
			let stopAfter: (() => void) | undefined;
			const warm = new Promise<void>((resolve) => {
				stopAfter = resolve;
			});
			// Each sender goes on until it is told to connect elsewhere, as a proxy would.
			const sender = async () => {
				for (;;) {
					const { status, leaving } = await post(
						agent,
						`${running.url}/api/webhooks/ttn`,
						uplink(),
					);
					statuses.push(status);
					if (statuses.length === 100) {
						stopAfter?.();
					}
					if (leaving) {
						return;
					}
				}
			};
			const senders = Array.from({ length: 8 }, sender);
			await warm;
			running.child.kill("SIGTERM");
			await Promise.all(senders);
			assert.equal(await running.ended, 0);
			agent.destroy();
			assert.deepEqual([...new Set(statuses)], [200]);
		});
	});

	async function connections(url: string): Promise<number> {
		const client = new pg.Client({ connectionString: verified(url) });
		await client.connect();
		try {
			const { rows } = await client.query(
				"SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'backend'",
			);
			return rows[0].count;
		} finally {
			await client.end();
		}
	}

	async function untilBlocked(client: pg.Client): Promise<void> {
		for (;;) {
			const { rowCount } = await client.query(
				"SELECT FROM pg_locks WHERE NOT granted",
			);
			if (rowCount) {
				return;
			}
		}
	}
});

/** Posts over a kept-alive connection; `leaving` when the server will close it. */
function post(
	agent: Agent,
	url: string,
	{ body, headers }: { body: unknown; headers: Record<string, string> },
): Promise<{ status: number; leaving: boolean }> {
	return new Promise((resolve, reject) => {
		const sent = request(
			url,
			{
				agent,
				method: "POST",
				headers: { "content-type": "application/json", ...headers },
			},
			(response) => {
				response.resume();
				response.once("end", () =>
					resolve({
						status: response.statusCode ?? 0,
						leaving: response.headers.connection === "close",
					}),
				);
			},
		);
		sent.once("error", reject);
		sent.end(JSON.stringify(body));
	});
}
