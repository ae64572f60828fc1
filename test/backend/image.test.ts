import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { freePort } from "../free-port";
import { startAuth, type TestAuth } from "./auth-support";
import { ask, environment, startDatabase, type TestDatabase } from "./support";

const run = promisify(execFile);
const IMAGE = "freshtrackpro/backend:1.0.0";

async function docker(
	words: string[],
	variables: Record<string, string> = {},
): Promise<string> {
	const { stdout } = await run("docker", words, {
		env: { ...process.env, ...variables },
	});
	return stdout.trim();
}

describe("image of the backend", function () {
	// Containers start slowly on a busy machine.
	this.timeout(180_000);

	let database: TestDatabase;
	let auth: TestAuth;
	before(async () => {
		database = await startDatabase();
		auth = await startAuth();
	});
	after(async () => {
		await auth?.service.close();
		await database?.stop();
	});

	it("runs as a user without privileges and holds the program only", async () => {
		const who = await docker(["run", "--rm", "--entrypoint", "id", IMAGE]);
		assert.match(who, /^uid=1000\(node\)/);
		const files = await docker([
			...["run", "--rm", "--entrypoint", "find", IMAGE],
			...["/app", "-type", "f"],
		]);
		assert.deepEqual(files.split("\n").sort(), [
			"/app/server.js",
			"/app/sql/new-schema.sql",
		]);
	});

	it("migrates, serves, becomes healthy and stops in order", async () => {
		const variables = environment(database.url, {
			...auth.environment,
			PORT: String(await freePort()),
			SHUTDOWN_DRAIN_SECONDS: "0",
		});
		const words = [
			// This machine's own network: the test's servers are on its loopback.
			...["--network", "host"],
			...Object.keys(variables).flatMap((name) => ["--env", name]),
			IMAGE,
		];
		const migrated = await docker(
			["run", "--rm", ...words, "migrate"],
			variables,
		);
		assert.deepEqual(JSON.parse(migrated).applied, []);

		const container = await docker(["run", "--detach", ...words], variables);
		try {
			await untilHealthy(container);
			const { body } = await ask(`http://127.0.0.1:${variables.PORT}/health`);
			assert.equal(body.status, "healthy");
			await docker(["stop", container]);
			const code = await docker([
				...["inspect", "--format", "{{.State.ExitCode}}", container],
			]);
			assert.equal(code, "0");
		} finally {
			await docker(["rm", "--force", container]);
		}
	});

	/** By the image's own health check. */
	async function untilHealthy(container: string): Promise<void> {
		for (;;) {
			const health = await docker([
				...["inspect", "--format", "{{.State.Health.Status}}", container],
			]);
			if (health === "healthy") {
				return;
			}
			assert.equal(health, "starting", await docker(["logs", container]));
			await new Promise((resolve) => setTimeout(resolve, 200));
		}
	}
});
