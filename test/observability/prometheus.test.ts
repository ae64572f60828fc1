import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as dnsPacket from "dns-packet";
import { parse } from "yaml";
import { hostnamesOf } from "../../infra/dns";
import { metricNames } from "../../observability/metric-names";
import {
	monitoringPasswordFile,
	prometheusFiles,
} from "../../observability/prometheus";
import {
	authoritiesFile,
	blackboxFile,
	httpProbes,
} from "../../observability/prometheus/blackbox";
import { type Authority, createAuthority } from "../authority";
import { type Exporter, startExporter } from "./exposed";
import { runProgram } from "./program";

const hostnames = hostnamesOf("example.com");
const probed = {
	hostnames,
	legacyAddress: "192.0.2.10",
	resolvers: ["192.0.2.53", "192.0.2.54:5353"],
};
const files = prometheusFiles({
	...probed,
	stack: "staging",
	monitoringUser: "operator",
});

describe("Prometheus' configuration", () => {
	const { scrape_configs: scrapes } = parse(files["prometheus.yml"] ?? "") as {
		scrape_configs: { job_name: string }[];
	};

	it("is what promtool takes, with every file of rules", async () => {
		const folder = await mkdtemp(join(tmpdir(), "prometheus-"));
		try {
			const here = (path: string) => join(folder, path);
			for (const [path, text] of Object.entries({
				...files,
				[monitoringPasswordFile]: "secret",
			})) {
				await mkdir(dirname(here(path)), { recursive: true });
				await writeFile(
					here(path),
					text
						.replaceAll("/etc/prometheus", folder)
						.replaceAll(monitoringPasswordFile, here(monitoringPasswordFile)),
				);
			}
			const output = await runProgram("promtool", [
				...["check", "config", here("prometheus.yml")],
			]);
			const rules = Object.keys(files).filter((file) => /^rules\//.test(file));
			assert.equal(
				output.match(/SUCCESS: \d+ rules found/g)?.length,
				rules.length,
			);
		} finally {
			await rm(folder, { recursive: true });
		}
	});

	it("has the jobs that metrics are listed by", () => {
		assert.deepEqual(
			// Its metrics are in files that job node reads.
			[...scrapes.map(({ job_name }) => job_name), "migration"].sort(),
			Object.keys(metricNames).sort(),
		);
	});
});

describe("the probes", () => {
	const address = "192.0.2.200";
	let folder: string;
	let authority: Authority;
	let site: Server;
	let resolver: Socket;
	let answers: string[];
	let exporter: Exporter;

	before(async () => {
		folder = await mkdtemp(join(tmpdir(), "blackbox-"));
		authority = await createAuthority("Test CA");
		const { certificate, key } = await authority.issue([hostnames.api]);
		site = createServer({ cert: certificate, key }, (request, response) => {
			const known = request.headers.host === hostnames.api;
			response.writeHead(known ? 200 : 404).end();
		}).listen(0, "127.0.0.1");
		await once(site, "listening");
		resolver = createSocket("udp4");
		resolver.on("message", (message, peer) => {
			const { id, questions = [] } = dnsPacket.decode(message);
			const [question] = questions;
			const answer = dnsPacket.encode({
				...{ type: "response", id: id ?? 0, questions },
				answers: answers.map((data) => ({
					...{ type: "A", name: question?.name ?? "", ttl: 30, data },
				})),
			});
			resolver.send(answer, peer.port, peer.address);
		});
		resolver.bind(0, "127.0.0.1");
		await once(resolver, "listening");
		const authorities = join(folder, "authorities.pem");
		await writeFile(authorities, authority.certificate);
		const config = join(folder, "config.yml");
		await writeFile(
			config,
			blackboxFile(hostnames, address, true).replaceAll(
				authoritiesFile,
				authorities,
			),
		);
		exporter = await startExporter("blackbox_exporter", (port) => [
			`--config.file=${config}`,
			`--web.listen-address=127.0.0.1:${port}`,
		]);
	});
	after(async () => {
		await exporter?.stop();
		site?.close();
		resolver?.close();
		await rm(folder, { recursive: true });
	});

	/** Asks as the scrape configuration does; gives one metric's value. */
	const probe = async (parameters: Record<string, string>) => {
		const text = await exporter.get(
			`/probe?${new URLSearchParams(parameters)}`,
		);
		return (name: string) =>
			Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1]);
	};
	const port = (server: Server | Socket) =>
		(server.address() as AddressInfo).port;
	const https = (hostname: string, module = "https") =>
		probe({
			...{ target: `https://127.0.0.1:${port(site)}/health`, module, hostname },
		});

	it("ask for a name at an address, and want its certificate", async () => {
		const good = await https(hostnames.api);
		assert.equal(good("probe_success"), 1);
		assert.ok(good("probe_ssl_earliest_cert_expiry") * 1000 > Date.now());
		assert.equal((await https(hostnames.site))("probe_success"), 0);
		const open = await https(hostnames.api, "https-closed");
		assert.equal(open("probe_success"), 0);
		assert.equal(open("probe_http_status_code"), 200);
	});

	it("tell a name that answers this system's address from another answer and from none", async () => {
		const asked = async (given: string[]) => {
			answers = given;
			const target = `127.0.0.1:${port(resolver)}`;
			const found = await probe({ target, module: "dns-site" });
			return [found("probe_success"), found("probe_dns_answer_rrs")];
		};
		assert.deepEqual(await asked([address]), [1, 1]);
		assert.deepEqual(await asked(["192.0.2.20"]), [0, 1]);
		assert.deepEqual(await asked(["192.0.2.2"]), [0, 1]);
		assert.deepEqual(await asked([address, "192.0.2.20"]), [0, 2]);
		assert.deepEqual((await asked([]))[0], 0);
	});

	it("know this system by name before DNS does, and the old one after", () => {
		const at = (via: string) =>
			httpProbes(probed)
				.static_configs.filter(({ labels }) => labels.via === via)
				.map(({ targets, labels }) => [
					...[targets[0], labels.__param_hostname, labels.instance],
				]);
		assert.deepEqual(at("new")[1], [
			"https://caddy/health",
			"api.example.com",
			"https://api.example.com/health",
		]);
		assert.deepEqual(at("old"), [
			["https://192.0.2.10/", "example.com", "https://example.com/"],
		]);
		assert.deepEqual(at("name")[0], [
			"https://example.com/",
			undefined,
			"https://example.com/",
		]);
	});
});
