import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { caddyfile } from "../../caddy/caddyfile";
import { http } from "../../cutover/http";
import { waitFor } from "../../cutover/wait";
import { hostnamesOf } from "../../infra/dns";
import { apply } from "../../observability/uptime-kuma/apply";
import { Kuma } from "../../observability/uptime-kuma/client";
import { desiredState } from "../../observability/uptime-kuma/desired";
import { freePort } from "../free-port";
import { startKuma } from "../stand-ins/uptime-kuma/server";

const hostnames = hostnamesOf("example.com");
const user = "operator";
const password = "kept-for-the-contract-suite-41";
const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

/**
 * The deployment's Caddyfile, in the real Caddy, before Uptime Kuma: the stand-in, or
 * the official server that KUMA_URL names.
 */
describe("Caddy before the status page", function () {
	this.timeout(60_000);
	const folder = mkdtempSync(join(tmpdir(), "caddy-"));
	const closers: (() => unknown)[] = [];
	let caddy: ChildProcess;
	let url: string;

	const ask = (path: string, headers: Record<string, string> = {}) =>
		http(`${url}${path}`, { address: "127.0.0.1", headers });

	before(async () => {
		const users = join(folder, "users");
		const config = join(folder, "Caddyfile");
		writeFileSync(users, `${user} ${hashSync(password, 4)}\n`);
		const port = await freePort();
		url = `http://${hostnames.status}:${port}`;
		const server = process.env.KUMA_URL
			? { url: process.env.KUMA_URL, close: async () => {} }
			: await startKuma({ port: 0, folder: undefined });
		closers.push(() => server.close());
		const text = caddyfile({
			hostnames,
			acme: { directory: "https://acme.example/dir", email: "ops@example.com" },
			monitoringUsersFile: users,
		})
			.replace("{\n", `{\n\tadmin off\n\tauto_https off\n\thttp_port ${port}\n`)
			.replace("http://:2020 {", "http://metrics.invalid {")
			.replace(
				"service uptime-kuma 3001",
				`service 127.0.0.1 ${new URL(server.url).port}`,
			);
		writeFileSync(
			config,
			Object.values(hostnames).reduce(
				(all, name) => all.replace(`\n${name} {`, `\nhttp://${name} {`),
				text,
			),
		);
		caddy = spawn(
			"caddy",
			["run", "--config", config, "--adapter", "caddyfile"],
			{ stdio: "ignore", env: { ...process.env, HOME: folder } },
		);
		closers.push(() => caddy.kill());
		await once(caddy, "spawn");
		await waitFor("Caddy answers", () => ask("/"), { timeoutMs: 20_000 });
		const kuma = await open();
		try {
			await kuma.enter(user, password);
			const desired = desiredState({
				title: "example.com",
				hostnames,
				databaseToken: "Z1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6",
			});
			await apply(kuma, desired);
			assert.deepEqual((await apply(kuma, desired)).changed, []);
		} finally {
			kuma.close();
		}
	});
	after(async () => {
		for (const close of closers.reverse()) await close();
		rmSync(folder, { recursive: true });
	});

	const open = (given: string | undefined = authorization) =>
		Kuma.open(
			{ url, address: "127.0.0.1", authorization: given || undefined },
			5_000,
		);

	it("shows everybody the status page and what it loads", async () => {
		const page = await ask("/");
		assert.equal(page.status, 200);
		assert.match(page.body, /<title>Status of example\.com/);
		for (const path of [
			...["/status/status", "/api/entry-page", "/api/status-page/status"],
			"/api/status-page/heartbeat/status",
		])
			assert.equal((await ask(path)).status, 200, path);
		for (const path of ["/assets/index.js", "/icon.svg", "/manifest.json"])
			assert.notEqual((await ask(path)).status, 401, path);
	});

	it("lets nobody at the rest without the log-in", async () => {
		for (const path of [
			...["/dashboard", "/setup", "/metrics", "/manage-status-page"],
			...["/socket.io/?EIO=4&transport=polling", "/api/push/token"],
			...["/api/badge/1/status", "/status/../dashboard", "/settings/general"],
		]) {
			assert.equal((await ask(path)).status, 401, path);
		}
		assert.equal((await ask("/metrics", { authorization })).status, 200);
	});

	it("lets no socket in without it either", async () => {
		await assert.rejects(open(""), /Unexpected server response: 401/);
		(await open()).close();
	});
});
