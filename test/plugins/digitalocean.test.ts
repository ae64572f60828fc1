import assert from "node:assert/strict";
import type { Emulator } from "../emulator";
import { startEmulator } from "../emulator";
import { InMemoryMachines } from "../emulator/memory-machines";
import { Project } from "./support/project";

/** One resource of each kind that a cutover uses. */
const program = `
import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
const config = new pulumi.Config();
const region = "nyc3";
const tag = new digitalocean.Tag("tag", { name: "plugins" });
const vpc = new digitalocean.Vpc("vpc", { region });
const key = new digitalocean.SshKey("key", {
	publicKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPnwoB/yz/dmN2Uw0pqEvfPyFh/0aMLfNxKmXl3oA7Xv test",
});
new digitalocean.Firewall("firewall", {
	tags: [tag.name],
	inboundRules: [
		{ protocol: "tcp", portRange: "443", sourceAddresses: ["::/0", "0.0.0.0/0"] },
		{ protocol: "tcp", portRange: "22", sourceAddresses: ["203.0.113.0/24"] },
	],
	outboundRules: [{ protocol: "icmp", destinationAddresses: ["0.0.0.0/0"] }],
});
const droplet = new digitalocean.Droplet("droplet", {
	image: "debian-12-x64", size: "s-1vcpu-1gb", region, vpcUuid: vpc.id,
	sshKeys: [key.fingerprint], tags: [tag.name],
	userData: pulumi.secret("#cloud-config\\n{a: hidden-in-user-data}\\n"),
});
const ip = new digitalocean.ReservedIp("ip", { region });
new digitalocean.ReservedIpAssignment("assignment", {
	ipAddress: ip.ipAddress, dropletId: droplet.id.apply(Number),
});
const cluster = new digitalocean.DatabaseCluster("cluster", {
	engine: "pg", version: "17", nodeCount: 1, region, size: "db-s-1vcpu-1gb",
	privateNetworkUuid: vpc.id,
});
new digitalocean.DatabaseDb("db", { clusterId: cluster.id, name: "app" });
const user = new digitalocean.DatabaseUser("user", { clusterId: cluster.id, name: "app" });
new digitalocean.DatabaseFirewall("admit", {
	clusterId: cluster.id, rules: [{ type: "droplet", value: droplet.id }],
});
const zone = new digitalocean.Domain("zone", { name: "plugins.example.com" });
new digitalocean.DnsRecord("record", {
	domain: zone.name, type: "A", name: "@", ttl: 60,
	value: config.get("address") ?? "203.0.113.10",
});
new digitalocean.Project("project", { resources: [droplet.dropletUrn, zone.domainUrn] });
const check = new digitalocean.UptimeCheck("check", {
	target: "https://plugins.example.com/", regions: ["us_east", "eu_west"],
});
new digitalocean.UptimeAlert("down", {
	checkId: check.id, type: "down_global", period: "2m",
	notifications: [{ emails: ["ops@example.com"] }],
});
new digitalocean.UptimeAlert("slow", {
	checkId: check.id, type: "latency", period: "5m", comparison: "greater_than",
	threshold: config.getNumber("threshold") ?? 3000,
	notifications: [{ emails: ["ops@example.com"] }],
});
export const password = user.password;
export const uri = cluster.uri;
export const address = droplet.ipv4Address;
export const found = digitalocean.getRecordsOutput({
	domain: zone.name, filters: [{ key: "type", values: ["A"] }],
}).records;
`;

describe("digitalocean with the real CLI and the emulated API", function () {
	this.timeout(300_000);
	let emulator: Emulator;
	let project: Project;
	before(async () => {
		emulator = await startEmulator({ machines: new InMemoryMachines() });
		project = await Project.create(program, {
			DIGITALOCEAN_API_URL: emulator.url,
			DIGITALOCEAN_TOKEN: emulator.token,
			DIGITALOCEAN_ACCESS_TOKEN: emulator.token,
		});
	});
	after(async () => {
		await project.close();
		await emulator.close();
	});

	const list = async (path: string) => {
		const response = await fetch(`${emulator.url}${path}`, {
			headers: { authorization: `Bearer ${emulator.token}` },
		});
		return (await response.json()) as Record<string, { id: number }[]>;
	};

	it("previews what is not there yet", async () => {
		assert.match(await project.mustRun("preview"), /18 to create/);
	});

	it("creates, and then finds nothing to change", async () => {
		await project.up();
		const { address } = await project.outputs();
		assert.match(String(address), /^\d+\.\d+\.\d+\.\d+$/);
		await project.up("--expect-no-changes");
		await project.mustRun("refresh", "--yes", "--expect-no-changes");
	});

	it("names by itself what the program does not name", async () => {
		const { state } = await project.exported();
		const vpc = state.deployment.resources?.find(({ urn }) =>
			urn.endsWith("::vpc"),
		);
		assert.match(String(vpc?.outputs?.name), /^vpc-[0-9a-f]{7}$/);
	});

	it("keeps secrets out of the stored state", async () => {
		const { password, uri } = await project.outputs();
		const { text } = await project.exported();
		for (const secret of [password, uri, "hidden-in-user-data"]) {
			assert.equal(text.includes(String(secret)), false);
		}
	});

	it("changes a record in place", async () => {
		await project.mustRun("config", "set", "address", "203.0.113.99");
		assert.match(await project.up(), /1 updated/);
		// The listing of records is an output of the stack, which follows.
		await project.up();
		await project.up("--expect-no-changes");
	});

	it("changes an alert in place", async () => {
		await project.mustRun("config", "set", "threshold", "5000");
		assert.match(await project.up(), /1 updated/);
		await project.up("--expect-no-changes");
	});

	it("shows a drift, and puts it right", async () => {
		const { domain_records: records } = await list(
			"/v2/domains/plugins.example.com/records",
		);
		const record = (records ?? []).find(
			(one) => "type" in one && one.type === "A",
		);
		await fetch(
			`${emulator.url}/v2/domains/plugins.example.com/records/${record?.id}`,
			{
				method: "PUT",
				headers: {
					authorization: `Bearer ${emulator.token}`,
					"content-type": "application/json",
				},
				body: JSON.stringify({ data: "203.0.113.50" }),
			},
		);
		const output = await project.up("--refresh");
		assert.match(output, /record updated/);
	});

	it("reports a token that the API refuses", async () => {
		const other = await Project.create(program, {
			DIGITALOCEAN_API_URL: emulator.url,
			DIGITALOCEAN_TOKEN: "refused",
			DIGITALOCEAN_ACCESS_TOKEN: "refused",
		});
		try {
			const failed = await other.run("up", "--yes", "--skip-preview");
			assert.notEqual(failed.code, 0);
			assert.match(
				failed.output,
				/Error creating [^:]+: POST \S+: 401 .*Unable to authenticate you/,
			);
		} finally {
			await other.close();
		}
	});

	it("refuses an API that is not on this machine", async () => {
		project.program(
			`import * as digitalocean from "@pulumi/digitalocean";
			const provider = new digitalocean.Provider("far", { apiEndpoint: "http://192.0.2.1" });
			new digitalocean.Tag("far", { name: "far" }, { provider });`,
		);
		const { code, output } = await project.run(
			"up",
			"--yes",
			"--skip-preview",
			"--target",
			"urn:pulumi:test::trial::digitalocean:index/tag:Tag::far",
			"--target",
			"urn:pulumi:test::trial::pulumi:providers:digitalocean::far",
		);
		assert.notEqual(code, 0);
		assert.match(
			output,
			/expected the DigitalOcean API at an address of this machine/,
		);
		project.program(program);
	});

	it("leaves nothing behind but what the account had", async () => {
		await project.mustRun("destroy", "--yes", "--skip-preview");
		assert.deepEqual((await list("/v2/droplets")).droplets, []);
		assert.deepEqual((await list("/v2/databases")).databases ?? [], []);
		assert.deepEqual((await list("/v2/domains")).domains, []);
	});

	it("imports a zone and its record", async () => {
		const post = async (path: string, body: object) => {
			const response = await fetch(`${emulator.url}${path}`, {
				method: "POST",
				headers: {
					authorization: `Bearer ${emulator.token}`,
					"content-type": "application/json",
				},
				body: JSON.stringify(body),
			});
			return (await response.json()) as { domain_record?: { id: number } };
		};
		await post("/v2/domains", { name: "kept.example.com" });
		const { domain_record: record } = await post(
			"/v2/domains/kept.example.com/records",
			{ type: "A", name: "api", data: "203.0.113.10", ttl: 60 },
		);
		project.program(`
import * as digitalocean from "@pulumi/digitalocean";
const zone = new digitalocean.Domain("kept", { name: "kept.example.com" }, { import: "kept.example.com" });
new digitalocean.DnsRecord("api", {
	domain: zone.name, type: "A", name: "api", value: "203.0.113.10", ttl: 60,
}, { import: "kept.example.com,${record?.id}" });
`);
		assert.match(await project.up(), /2 imported/);
		await project.up("--expect-no-changes");
	});
});
