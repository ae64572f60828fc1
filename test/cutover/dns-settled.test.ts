import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SettledSettings, settle } from "../../cutover/dns-settled";
import { UserError } from "../../cutover/errors";
import { waitFor } from "../../cutover/wait";
import { HostTable } from "../emulator/dns/hosts";
import { DnsServer } from "../emulator/dns/server";

const fresh = "203.0.113.99";
const legacy = "203.0.113.10";
const names = ["example.test", "api.example.test"];

/** What one server answers, and how often it was asked. */
class Answers extends HostTable {
	asked = 0;

	constructor(address: string) {
		super();
		this.answer(address);
	}

	answer(address: string): void {
		for (const name of names) this.set(name, address);
	}

	override get(name: string): string | undefined {
		this.asked += 1;
		return super.get(name);
	}
}

/** Against real name servers on loopback. */
describe("names settled", () => {
	const home = process.cwd();
	const variable = "CUTOVER_RESOLVER";
	const before = process.env[variable];
	const servers: DnsServer[] = [];
	let folder: string;
	let dead: string;

	beforeEach(async () => {
		folder = await mkdtemp(join(tmpdir(), "settled-"));
		process.chdir(folder);
		process.env[variable] = await serve(new Answers(fresh));
		dead = await serve(new Answers(fresh));
		await servers.pop()?.close();
	});
	afterEach(async () => {
		process.chdir(home);
		if (before === undefined) delete process.env[variable];
		else process.env[variable] = before;
		await Promise.all(servers.splice(0).map((server) => server.close()));
		await rm(folder, { recursive: true });
	});

	async function serve(hosts: HostTable): Promise<string> {
		const server = await DnsServer.listen({
			...{ hosts, state: { domains: new Map() } },
			...{ address: "127.0.0.1", port: 0 },
		});
		servers.push(server);
		return `${server.address}:${server.port}`;
	}

	const settings = (resolvers: string[]): SettledSettings => ({
		...{ stack: "production", zone: "example.test", names, resolvers },
		...{ address: fresh, legacyAddress: legacy, ttl: 1 },
	});
	const quietly = { say: () => undefined, intervalMs: 20 };

	it("waits for a resolver that lags behind, and not for one that is dead", async () => {
		const lagging = new Answers(legacy);
		const resolver = await serve(lagging);
		let settled = false;
		const done = settle(settings([resolver, dead]), undefined, quietly);
		done.then(
			() => {
				settled = true;
			},
			() => undefined,
		);
		await waitFor(
			"the lagging one asked again and again",
			async () => lagging.asked > 6 || undefined,
			{ timeoutMs: 10_000, intervalMs: 20 },
		);
		assert.ok(!settled);
		// One name alone is not enough.
		lagging.set("example.test", fresh);
		const asked = lagging.asked;
		await waitFor(
			"asked again",
			async () => lagging.asked > asked + 4 || undefined,
			{ timeoutMs: 10_000, intervalMs: 20 },
		);
		assert.ok(!settled);
		lagging.answer(fresh);
		const seen = await done;
		assert.match(seen, /2 of 3 servers agree/);
		assert.ok(seen.includes(`${dead} cannot be reached`), seen);
		const written = JSON.parse(
			await readFile("evidence/production/settled.json", "utf8"),
		);
		assert.deepEqual(
			written.servers.map(({ state }: { state: string }) => state),
			["agrees", "agrees", "unreachable"],
		);
	});

	it("gives up after the former TTL and a grace, and says who still answers what", async () => {
		const resolver = await serve(new Answers(legacy));
		const startedAt = Date.now();
		await assert.rejects(
			settle(
				settings([resolver, dead]),
				{ address: legacy, ttl: 2 },
				{ ...quietly, graceSeconds: 0 },
			),
			(error: unknown) =>
				error instanceof UserError &&
				error.exitCode === 1 &&
				error.found.includes(
					`${resolver} still answers example.test → ${legacy}`,
				) &&
				error.expected.includes("within 2 s"),
		);
		// The former TTL counts: a resolver may have asked just before the change.
		assert.ok(Date.now() - startedAt >= 2_000);
	});

	it("is not settled by resolvers alone where the zone's own server is dead", async () => {
		process.env[variable] = dead;
		const resolver = await serve(new Answers(fresh));
		await assert.rejects(
			settle(settings([resolver]), undefined, {
				...quietly,
				graceSeconds: 0,
			}),
			(error: unknown) =>
				error instanceof UserError &&
				error.found.includes(`${dead} cannot be reached`),
		);
	});

	it("tells on the way how long it still waits, and for whom", async () => {
		const lagging = new Answers(legacy);
		const resolver = await serve(lagging);
		const said: string[] = [];
		await settle(settings([resolver]), undefined, {
			...{ intervalMs: 20, progressMs: 50 },
			say(line) {
				said.push(line);
				lagging.answer(fresh);
			},
		});
		assert.match(
			said[0] ?? "",
			new RegExp(
				`1 of 2 servers agree; ${resolver} still answers .* → ${legacy}.*; \\d+ s left`,
			),
		);
	});
});
