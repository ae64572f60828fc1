import assert from "node:assert/strict";
import { addressRecords, allPointTo } from "../../cutover/dns";
import { UserError } from "../../cutover/errors";
import { pointBack } from "../../cutover/point-back";
import { Zone } from "../../cutover/zone";
import { type Emulator, startEmulator } from "../emulator/index";
import { InMemoryMachines } from "../emulator/memory-machines";
import { watchNames } from "../rehearsal/dns-watch";

/** Against the emulated API and its real name server. */
describe("names pointed back", () => {
	const domain = "example.test";
	const legacy = "203.0.113.10";
	const fresh = "203.0.113.99";
	const variables = [
		"DIGITALOCEAN_API_URL",
		"DIGITALOCEAN_TOKEN",
		"CUTOVER_RESOLVER",
	];
	const before = variables.map((name) => [name, process.env[name]] as const);
	let emulator: Emulator;
	let resolver: string;

	beforeEach(async () => {
		emulator = await startEmulator({ machines: new InMemoryMachines() });
		const [{ address, port } = { address: "", port: 0 }] = emulator.resolvers;
		resolver = `${address}:${port}`;
		process.env.DIGITALOCEAN_API_URL = emulator.url;
		process.env.DIGITALOCEAN_TOKEN = emulator.token;
		process.env.CUTOVER_RESOLVER = resolver;
		const created = await fetch(`${emulator.url}/v2/domains`, {
			method: "POST",
			headers: {
				authorization: `Bearer ${emulator.token}`,
				"content-type": "application/json",
			},
			body: JSON.stringify({ name: domain }),
		});
		assert.equal(created.status, 201);
		const zone = new Zone(domain);
		for (const name of ["@", "api"]) {
			await zone.add({ type: "A", name, data: fresh, ttl: 30 });
		}
	});
	afterEach(async () => {
		await emulator.close();
		for (const [name, value] of before) {
			if (value === undefined) delete process.env[name];
			else process.env[name] = value;
		}
	});

	const names = [domain, `api.${domain}`];

	it("answer the old address at once, and something at every moment", async () => {
		const watch = watchNames(resolver, names, [fresh, legacy]);
		await pointBack({
			zone: domain,
			records: ["@", "api"],
			legacyAddress: legacy,
		});
		const { asked, wrong } = await watch.stop();
		assert.ok(asked >= 2);
		assert.deepEqual(wrong, []);
		const answers = await addressRecords(domain, names);
		assert.ok(allPointTo(answers, legacy), JSON.stringify(answers));
		assert.ok(answers.every(({ ttl }) => ttl === 30));
	});

	it("are refused where a record is missing, with what to create", async () => {
		await assert.rejects(
			pointBack({
				zone: domain,
				records: ["@", "status"],
				legacyAddress: legacy,
			}),
			(error: unknown) =>
				error instanceof UserError &&
				error.found.includes("status") &&
				error.exitCode === 4,
		);
	});

	it("a watch sees an answer that is gone", async () => {
		const zone = new Zone(domain);
		const [record] = await zone.records("A");
		await zone.remove(record?.id ?? 0);
		const watch = watchNames(resolver, names, [fresh]);
		const { wrong } = await watch.stop();
		assert.equal(wrong.length, 1);
	});
});
