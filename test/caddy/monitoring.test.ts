import { deepStrictEqual, equal, match } from "node:assert/strict";
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
import { run } from "../../cutover/run";
import { waitFor } from "../../cutover/wait";
import { hostnamesOf } from "../../infra/dns";
import { freePort } from "../free-port";
import { program } from "../observability/program";

const hostnames = hostnamesOf("example.com");
const services = {
	grafana: 3000,
	prometheus: 9090,
	alertmanager: 9093,
};
const authorization = `Basic ${Buffer.from("operator:secret").toString("base64")}`;

/** The deployment's Caddyfile, in the real Caddy, before servers that say what they were asked. */
describe("Caddy before the monitoring", function () {
	this.timeout(30_000);
	const folder = mkdtempSync(join(tmpdir(), "caddy-"));
	const users = join(folder, "users");
	const config = join(folder, "Caddyfile");
	const text = caddyfile({
		hostnames,
		acme: { directory: "https://acme.example/dir", email: "ops@example.com" },
		monitoringUsersFile: users,
	});
	const servers: Server[] = [];
	let caddy: ChildProcess | undefined;
	let port: number;

	const ask = (path: string, headers: Record<string, string> = {}) =>
		http(`http://${hostnames.monitoring}:${port}${path}`, {
			address: "127.0.0.1",
			headers,
		});

	before(async () => {
		writeFileSync(users, `operator ${hashSync("secret", 4)}\n`);
		port = await freePort();
		writeFileSync(config, await here(text, port, servers));
		caddy = spawn(
			program("caddy"),
			["run", "--config", config, "--adapter", "caddyfile"],
			{
				stdio: "ignore",
				env: { ...process.env, HOME: folder },
			},
		);
		await once(caddy, "spawn");
		await waitFor("Caddy answers", () => ask("/"), { timeoutMs: 20_000 });
	});

	after(() => {
		caddy?.kill();
		for (const server of servers) server.close();
		rmSync(folder, { recursive: true });
	});

	it("is a configuration that Caddy takes as it is deployed", async () => {
		const file = join(folder, "Deployed");
		writeFileSync(file, text);
		const { exitCode, stderr } = await run(program("caddy"), [
			...["validate", "--adapter", "caddyfile", "--config", file],
		]);
		equal(exitCode, 0, stderr);
	});

	it("lets nobody in without the log-in", async () => {
		const wrong = `Basic ${Buffer.from("operator:wrong").toString("base64")}`;
		for (const path of [
			...["/", "/api/health", "/login", "/metrics", "/prometheus/-/ready"],
			...["/alertmanager/api/v2/status", "/prometheus/../api/user"],
		]) {
			equal((await ask(path)).status, 401, path);
			equal((await ask(path, { authorization: wrong })).status, 401, path);
		}
	});

	it("leads to Grafana with the log-in, which is Grafana's own", async () => {
		for (const path of ["/", "/api/user", "/d/cutover?from=now-1h"]) {
			const { status, body } = await ask(path, { authorization });
			equal(status, 200);
			deepStrictEqual(JSON.parse(body), {
				service: "grafana",
				path,
				authorization,
			});
		}
	});

	it("leads to Prometheus and Alertmanager by a path that it takes away", async () => {
		for (const service of ["prometheus", "alertmanager"]) {
			const { body } = await ask(`/${service}/api/v1/query?query=up`, {
				authorization,
			});
			const { authorization: _, ...asked } = JSON.parse(body);
			deepStrictEqual(asked, { service, path: "/api/v1/query?query=up" });
			const { status, headers } = await ask(`/${service}`, { authorization });
			equal(status, 302);
			equal(headers.location, `/${service}/`);
		}
	});

	it("does not take a path that only begins like theirs", async () => {
		const { body } = await ask("/prometheuses", { authorization });
		match(body, /"service":"grafana"/);
	});
});

/** The same sites, by plain HTTP on one port of this machine, with services here. */
async function here(
	text: string,
	port: number,
	servers: Server[],
): Promise<string> {
	let local = text
		.replace("{\n", `{\n\tadmin off\n\tauto_https off\n\thttp_port ${port}\n`)
		.replace("http://:2020 {", "http://metrics.invalid {");
	for (const name of Object.values(hostnames)) {
		local = local.replace(`\n${name} {`, `\nhttp://${name} {`);
	}
	for (const [service, servicePort] of Object.entries(services)) {
		const server = createServer(({ url, headers }, answer) => {
			const { authorization } = headers;
			answer.end(JSON.stringify({ service, path: url, authorization }));
		}).listen(0, "127.0.0.1");
		await once(server, "listening");
		servers.push(server);
		const { port: at } = server.address() as AddressInfo;
		local = local.replace(
			`import service ${service} ${servicePort}`,
			`import service 127.0.0.1 ${at}`,
		);
	}
	return local;
}
