import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "node:tls";
import Docker from "dockerode";
import { caddyfile } from "../../caddy/caddyfile";
import type { StorageFile } from "../../caddy/storage";
import { http } from "../../cutover/http";
import { runOrThrow } from "../../cutover/run";
import { seedLines, seedScript } from "../../infra/certificates";
import { hostnamesOf } from "../../infra/dns";
import { caddyStorage } from "../../infra/services/caddy";
import { DnsServer } from "../emulator/dns/server";
import { type Emulator, startEmulator } from "../emulator/index";
import { InMemoryMachines } from "../emulator/memory-machines";
import { type Acme, startAcme } from "../emulator/peers/acme";
import {
	type ContainerSpec,
	removeContainer,
	runContainer,
	untilReady,
} from "../emulator/peers/container";
import {
	createTestNetwork,
	type TestNetwork,
} from "../emulator/peers/test-network";

/** Of the certificates; Caddy renews when a third of it is left. */
const VALIDITY_SECONDS = 60;
const IMAGES = {
	caddy: "caddy:2.11.9",
	frontend: "freshtrackpro/frontend:1.0.0",
};

/**
 * After the switch: Caddy with the deployment's Caddyfile and certificates as the
 * deployment issues and seeds them, but ones that last a minute.
 */
describe("Caddy and the certificates that were seeded", function () {
	this.timeout(150_000);
	const docker = new Docker();
	const hostnames = hostnamesOf("example.com");
	const names = Object.values(hostnames);
	const closers: (() => Promise<unknown>)[] = [];
	let network: TestNetwork;
	let acme: Acme;
	let address: string;
	let files: StorageFile[];

	before(async () => {
		network = await createTestNetwork(docker);
		closers.push(() => network.remove());
		address = network.address(40);
		const place = (last: number) => ({
			docker,
			network: network.name,
			address: network.address(last),
			labels: network.labels,
		});
		const emulator = await startEmulator({ machines: new InMemoryMachines() });
		closers.push(() => emulator.close());
		const { state, hosts } = emulator.context;
		const dns = await DnsServer.listen({
			...{ state, hosts },
			...{ address: network.gateway, port: 53 },
		});
		closers.push(() => dns.close());
		const resolver = `${network.gateway}:53`;
		acme = await startAcme(place(30), resolver, VALIDITY_SECONDS);
		closers.push(() => acme.close());
		await pointNames(emulator, address);

		const settings = {
			zone: "example.com",
			hostnames: names,
			directory: acme.directoryUrl,
			email: "ops@example.com",
			ca: acme.ca,
		};
		const issued = await runOrThrow(
			process.execPath,
			["--import", "tsx", "caddy/certificates.ts"],
			{
				input: JSON.stringify(settings),
				env: {
					DIGITALOCEAN_API_URL: emulator.url,
					DIGITALOCEAN_TOKEN: emulator.token,
					CUTOVER_RESOLVER: resolver,
				},
			},
		);
		files = JSON.parse(issued.stdout) as StorageFile[];
		const text = caddyfile({
			hostnames,
			acme: {
				directory: acme.directoryUrl,
				email: settings.email,
				caFile: "/etc/caddy/acme-ca.pem",
			},
			monitoringUsersFile: "/etc/caddy/users",
		});
		const run = async (last: number, spec: ContainerSpec) => {
			const container = await runContainer(place(last), spec);
			closers.push(() => removeContainer(container));
			return container;
		};
		await run(41, {
			name: "frontend",
			image: IMAGES.frontend,
			alias: "frontend",
		});
		const caddy = await run(40, {
			name: "caddy",
			image: IMAGES.caddy,
			environment: {
				// With a look each 10 minutes, as it does, it would renew these at once.
				CADDYFILE: text.replace("{\n", "{\n\trenew_interval 1s\n"),
				ACME_CA: acme.ca,
				SEED_SCRIPT: seedScript,
				SEED: seedLines(issued.stdout),
			},
			command: ["sh", "-c", start],
		});
		await untilReady(caddy, "Caddy", 30_000, () =>
			serialOf(hostnames.site, address, acme.root),
		);
	});
	after(async () => {
		for (const close of closers.reverse()) await close();
	});

	it("renews each by itself before it ends, and fails no request meanwhile", async () => {
		const seen = new Map(names.map((name) => [name, new Set<string>()]));
		const failures: string[] = [];
		let asked = 0;
		const renewed = () => [...seen.values()].every(({ size }) => size > 1);
		const deadline = Date.now() + (VALIDITY_SECONDS + 15) * 1000;
		const ask = async (name: string) => {
			while (!renewed() && Date.now() < deadline) {
				asked++;
				try {
					seen.get(name)?.add(await serialOf(name, address, acme.root));
					// Behind the others is nothing here, or they ask for a log-in.
					if (name !== hostnames.site) continue;
					const { status } = await http(`https://${name}/`, {
						address,
						ca: acme.root,
					});
					if (status !== 200) throw new Error(`answered ${status}`);
				} catch (error) {
					failures.push(`${name}: ${(error as Error).message}`);
				} finally {
					await delay(100);
				}
			}
		};
		await Promise.all(names.map(ask));
		assert.deepEqual(failures, [], `of ${asked}`);
		for (const [name, serials] of seen) {
			assert.equal(serials.size, 2, `${name} has not been renewed`);
			const seeded = files.find(({ path }) => path.endsWith(`/${name}.crt`));
			const { serialNumber } = new X509Certificate(seeded?.content ?? "");
			assert.equal([...serials][0], serialNumber, `${name} was not seeded`);
		}
	});
});

/** As the service, but for files that come by environment. */
const start = [
	"set -e",
	`mkdir -p /data; ln -s /data ${caddyStorage}`,
	'printf %s "$SEED" | sh -c "$SEED_SCRIPT"',
	'printf %s "$CADDYFILE" >/etc/caddy/Caddyfile',
	'printf %s "$ACME_CA" >/etc/caddy/acme-ca.pem',
	"echo 'somebody $2b$04$jbBba3LL7mra91ODvnBsbOcAddJG3OCz1JYKGt0eTjjU95Ztjp.Rq' >/etc/caddy/users",
	"exec caddy run --config /etc/caddy/Caddyfile --adapter caddyfile",
].join("\n");

/** The zone with every name at one address, as after the switch. */
async function pointNames(emulator: Emulator, address: string): Promise<void> {
	const post = async (path: string, body: unknown) => {
		const answer = await fetch(`${emulator.url}/v2/domains${path}`, {
			method: "POST",
			headers: {
				authorization: `Bearer ${emulator.token}`,
				"content-type": "application/json",
			},
			body: JSON.stringify(body),
		});
		assert.equal(answer.status, 201, await answer.text());
	};
	await post("", { name: "example.com", ip_address: address });
	for (const name of ["api", "monitoring", "status"]) {
		const record = { type: "A", name, data: address, ttl: 30 };
		await post("/example.com/records", record);
	}
}

/** Serial number of the certificate that a name's server shows, fully verified. */
function serialOf(name: string, host: string, ca: string): Promise<string> {
	return new Promise((resolve, reject) => {
		const socket = connect({ host, port: 443, servername: name, ca }, () => {
			resolve(socket.getPeerCertificate().serialNumber);
			socket.end();
		});
		socket.setTimeout(5_000, () => socket.destroy(new Error("no answer")));
		socket.on("error", reject);
	});
}
