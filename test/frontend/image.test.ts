import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
const IMAGE = "freshtrackpro/frontend:1.0.0";
const API_URL = "https://api.example.com";

async function docker(...words: string[]): Promise<string> {
	const { stdout } = await run("docker", words);
	return stdout.trim();
}

describe("image of the front page", () => {
	let container: string;
	let url: string;

	before(async () => {
		container = await docker(
			...["run", "--detach", "--rm", "--env", `API_URL=${API_URL}`],
			...["--publish", "127.0.0.1::80", IMAGE],
		);
		url = `http://${await docker("port", container, "80/tcp")}`;
		await untilAnswering(url);
	});
	after(async () => {
		if (container) {
			await docker("rm", "--force", container);
		}
	});

	for (const path of ["/", "/status", "/reset-password?code=1"]) {
		it(`serves ${path} and tells it where the API is`, async () => {
			const response = await fetch(url + path);
			assert.equal(response.status, 200);
			const page = await response.text();
			assert.match(page, /^<!doctype html>\n<html lang="en">/);
			assert(page.includes(`<meta name="api-url" content="${API_URL}">`));
		});
	}

	it("lets pages call the API and nothing else", async () => {
		const { headers } = await fetch(url);
		const policy = headers.get("content-security-policy") ?? "";
		assert(policy.includes(`connect-src 'self' ${API_URL};`));
		assert(policy.includes("default-src 'self';"));
	});

	it("holds every file that its pages name", async () => {
		const names = new Set<string>();
		for (const path of ["/", "/status", "/reset-password"]) {
			const page = await (await fetch(url + path)).text();
			for (const [, name] of page.matchAll(/(?:href|src)="(\/[\w.-]+)"/g)) {
				names.add(String(name));
			}
		}
		const seen = new Set<string>();
		for (const name of names) {
			const response = await fetch(url + name);
			assert.equal(response.status, 200, name);
			seen.add(name);
			const text = await response.text();
			for (const [, imported] of text.matchAll(/from "\.(\/[\w.-]+)"/g)) {
				names.add(String(imported));
			}
		}
		assert(seen.has("/scale.mjs"));
	});

	it("calls itself a stand-in", async () => {
		assert.match(
			await (await fetch(`${url}/status`)).text(),
			/Stand-in for Uptime Kuma/,
		);
		assert.match(await (await fetch(url)).text(), /stands for FreshTrack’s/);
	});

	it("answers 404 for what is not there", async () => {
		assert.equal((await fetch(`${url}/nothing`)).status, 404);
	});

	it("comes to be healthy", async () => {
		const health = () =>
			docker("inspect", "--format", "{{.State.Health.Status}}", container);
		while ((await health()) === "starting") {
			await new Promise((resolve) => setTimeout(resolve, 200));
		}
		assert.equal(await health(), "healthy");
	});
});

async function untilAnswering(url: string): Promise<void> {
	const deadline = Date.now() + 30_000;
	for (;;) {
		try {
			await fetch(url);
			return;
		} catch (error) {
			if (Date.now() > deadline) {
				throw error;
			}
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
	}
}
