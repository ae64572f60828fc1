import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { caddyfile } from "../../caddy/caddyfile";
import { http } from "../../cutover/http";
import { waitFor } from "../../cutover/wait";
import { hostnamesOf } from "../../infra/dns";
import { freePort } from "../free-port";
import { program } from "../observability/program";

const hostnames = hostnamesOf("example.com");
const secrets = {
	authorization: "Bearer secret-of-the-session",
	cookie: "session=secret-of-the-cookie",
	"x-api-key": "secret-of-the-key",
	"x-webhook-secret": "secret-of-the-webhook",
	"x-stack-access-token": "secret-of-the-token",
};

/** The deployment's Caddyfile, in the real Caddy, before a server that says what it was asked. */
describe("Caddy's log", function () {
	this.timeout(30_000);
	const folder = mkdtempSync(join(tmpdir(), "caddy-"));
	let backend: Server;
	let caddy: ChildProcess;
	let port: number;
	let output = "";

	before(async () => {
		backend = createServer(({ headers }, answer) => {
			answer.setHeader("set-cookie", "session=secret-of-the-answer");
			answer.setHeader("x-request-id", "the backend's own");
			answer.end(JSON.stringify(headers));
		}).listen(0, "127.0.0.1");
		await once(backend, "listening");
		port = await freePort();
		const users = join(folder, "users");
		const config = join(folder, "Caddyfile");
		writeFileSync(users, `operator ${hashSync("secret", 4)}\n`);
		const text = caddyfile({
			hostnames,
			acme: { directory: "https://acme.example/dir", email: "ops@example.com" },
			monitoringUsersFile: users,
		});
		writeFileSync(config, here(text));
		caddy = spawn(
			program("caddy"),
			["run", "--config", config, "--adapter", "caddyfile"],
			{ stdio: ["ignore", "pipe", "ignore"], env: { HOME: folder } },
		);
		caddy.stdout?.on("data", (chunk: Buffer) => {
			output += chunk;
		});
		await waitFor("Caddy answers", () => ask("/"), { timeoutMs: 20_000 });
	});
	after(() => {
		caddy?.kill();
		backend.close();
		rmSync(folder, { recursive: true });
	});

	/** The same sites, by plain HTTP on one port of this machine. */
	function here(text: string): string {
		const { port: at } = backend.address() as AddressInfo;
		return text
			.replace("{\n", `{\n\tadmin off\n\tauto_https off\n\thttp_port ${port}\n`)
			.replace("http://:2020 {", "http://metrics.invalid {")
			.replace(`\n${hostnames.api} {`, `\nhttp://${hostnames.api} {`)
			.replace("import service backend 3000", `import service 127.0.0.1 ${at}`);
	}

	function ask(path: string, headers: Record<string, string> = {}) {
		return http(`http://${hostnames.api}:${port}${path}`, {
			address: "127.0.0.1",
			headers,
		});
	}

	it("has each request as JSON, under the id that backend and caller get as well", async () => {
		const { headers, body } = await ask("/api/units?unit=1", {
			"user-agent": "a browser",
			"x-request-id": "chosen by the caller",
		});
		const id = JSON.parse(body)["x-request-id"];
		assert.match(id, /^[0-9a-f-]{36}$/);
		assert.equal(headers["x-request-id"], id);
		const line = await waitFor(
			"the line",
			async () =>
				output
					.split("\n")
					.filter((text) => text.includes(id))
					.map((text) => JSON.parse(text))[0],
			{ timeoutMs: 5000, intervalMs: 20 },
		);
		const { level, request_id, status, user_agent, request } = line;
		assert.deepEqual(
			{ level, request_id, status, user_agent },
			{ level: "info", request_id: id, status: 200, user_agent: "a browser" },
		);
		assert.equal(request.uri, "/api/units?unit=1");
		assert.equal(request.host, `${hostnames.api}:${port}`);
	});

	it("has no secret that came or went in a header", async () => {
		const { headers } = await ask("/api/last", secrets);
		assert.match(JSON.stringify(headers["set-cookie"]), /secret-of-the-answer/);
		await waitFor(
			"the line",
			async () => output.includes('"uri":"/api/last"') || undefined,
			{ timeoutMs: 5000, intervalMs: 20 },
		);
		assert.doesNotMatch(output, /secret-of/);
	});
});
