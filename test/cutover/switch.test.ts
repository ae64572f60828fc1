import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
	mkdir,
	mkdtemp,
	readFile,
	rm,
	stat,
	writeFile,
} from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext, type SecureContext } from "node:tls";
import { Place } from "../../cutover/checks/site";
import { UserError } from "../../cutover/errors";
import { onlyOne } from "../../cutover/only-one";
import { type SwitchSettings, turnSwitch } from "../../cutover/switch";
import { waitFor } from "../../cutover/wait";
import { type Authority, createAuthority } from "../authority";
import { startAuth, type TestAuth } from "../backend/auth-support";
import { HostTable } from "../emulator/dns/hosts";
import { DnsServer } from "../emulator/dns/server";
import type { Domain, DomainRecord } from "../emulator/state";
import { migrateHere } from "../migration/cli";
import {
	type Database,
	emptyDatabase,
	emptySource,
	run,
} from "../migration/databases";
import { image, startDroplet, type TestDroplet } from "./droplet";

const domain = "example.test";
const hostnames = {
	site: domain,
	api: `api.${domain}`,
	monitoring: `monitoring.${domain}`,
	status: `status.${domain}`,
};
const names = Object.values(hostnames);
const legacy = "203.0.113.10";
const reservedIp = "127.0.0.1";
const variables = ["CUTOVER_RESOLVER", "CUTOVER_CA_FILE"];

/**
 * The switch with its real parts: Postgres 15 and 17 and the migration's command
 * line by ssh, a name server, TLS servers. Only Swarm says what it is told.
 */
describe("the switch", function () {
	this.timeout(60_000);
	const home = process.cwd();
	const environment = variables.map(
		(name) => [name, process.env[name]] as const,
	);
	let droplet: TestDroplet;
	let authority: Authority;
	let server: Server;
	let dns: DnsServer;
	let folder: string;
	let source: Database;
	let target: Database;
	let env: Record<string, string>;
	let auth: TestAuth;
	let turns = 0;

	/** What the parts answer; set anew before each test. */
	let contexts: Map<string, SecureContext>;
	let zone: { addresses: Record<string, string>; ttl: number };
	let health: { status: number; body: string };

	before(async () => {
		droplet = await startDroplet();
		authority = await createAuthority("test");
		auth = await startAuth();
		server = createServer(
			{
				SNICallback: (name, done) => {
					const context = contexts.get(name);
					done(context ? null : new Error("no certificate"), context);
				},
			},
			(_request, response) => {
				response.writeHead(health.status).end(health.body);
			},
		);
		// A client that refuses a certificate breaks off.
		server.on("tlsClientError", () => undefined);
		await new Promise<void>((done) => server.listen(0, reservedIp, done));
		dns = await DnsServer.listen({
			state: { domains: new Map([[domain, zoneNow()]]) },
			...{ hosts: new HostTable(), address: "127.0.0.1", port: 0 },
		});
	});
	after(async () => {
		server.closeAllConnections();
		server.close();
		await dns.close();
		await auth.service.close();
		await droplet.close();
	});

	beforeEach(async () => {
		folder = await mkdtemp(join(tmpdir(), "switch-"));
		process.chdir(folder);
		await writeFile("root.pem", authority.certificate);
		process.env.CUTOVER_CA_FILE = join(folder, "root.pem");
		process.env.CUTOVER_RESOLVER = `${dns.address}:${dns.port}`;
		contexts = new Map();
		for (const name of names) await certify(name);
		zone = {
			addresses: Object.fromEntries(names.map((name) => [name, legacy])),
			ttl: 60,
		};
		health = healthy;
		await droplet.setServices([
			...["backend 2/2", "caddy 1/1", "follower 0/0", "watch 0/1"],
		]);
		await noteTtl(49);
		({ source, target, env } = await frozenPair());
	});
	afterEach(async () => {
		process.chdir(home);
		for (const [name, value] of environment) {
			if (value === undefined) delete process.env[name];
			else process.env[name] = value;
		}
		await rm(folder, { recursive: true });
	});

	/** The zone as its API would have it now. */
	function zoneNow(): Domain {
		return {
			...{ name: domain, ttl: 1800, serial: 1 },
			get records() {
				return new Map(
					names.map((name, id) => [
						id,
						{
							...{ id, type: "A", ttl: zone.ttl },
							name: name === domain ? "@" : name.slice(0, -domain.length - 1),
							data: zone.addresses[name] ?? "",
							...{ priority: null, port: null, weight: null },
							...{ flags: null, tag: null },
						} satisfies DomainRecord,
					]),
				);
			},
		};
	}

	async function certify(
		name: string,
		madeOutTo = name,
		days?: { from: number; to: number },
	): Promise<void> {
		const { certificate, key } = await authority.issue([madeOutTo], days);
		contexts.set(name, createSecureContext({ cert: certificate, key }));
	}

	async function noteTtl(hours: number): Promise<void> {
		const lowSince = new Date(Date.now() - hours * 3_600_000).toISOString();
		await mkdir("evidence/production", { recursive: true });
		await writeFile(
			"evidence/production/ttl.json",
			JSON.stringify({ ttl: 60, lowSince }),
		);
	}

	/**
	 * Synced with proof, frozen for a quarter of an hour and drained.
	 *
	 * @param from the source, empty without.
	 */
	async function frozenPair(from?: Database) {
		const source = from ?? (await emptyDatabase(15));
		const target = await emptyDatabase(17);
		const env = {
			SOURCE_DATABASE_URL: source.url,
			TARGET_DATABASE_URL: target.url,
		};
		await run(
			source.url,
			`
			CREATE TABLE things (id int PRIMARY KEY, name text NOT NULL);
			INSERT INTO things SELECT n, 'thing ' || n FROM generate_series(1, 100) n;
			`,
		);
		const passes = migration(env);
		await passes("sync", "--proof");
		await run(source.url, "UPDATE things SET name = 'late' WHERE id = 7");
		await passes("freeze", "--max-freeze", "900");
		await passes("sync", "--drain");
		return { source, target, env };
	}

	/** Runs a command that has to end well. */
	const migration =
		(environment: Record<string, string>) =>
		async (...args: string[]) => {
			const { exitCode, json, lines } = await migrateHere(args, environment);
			assert.equal(exitCode, 0, lines.join("\n"));
			// biome-ignore lint/suspicious/noExplicitAny: the answers' shapes are what the test asserts
			return json as any;
		};

	const facts = async () => ({
		barrier: await migration(env)("freeze", "--state"),
		journal: (await migration(env)("sync", "--reverse", "--state")).journal,
	});

	const settings = (rung: SwitchSettings["rung"]): SwitchSettings => ({
		...{ stack: "production", turn: `turn ${++turns}`, rung, sync: true },
		...{ domain, hostnames, reservedIp, mostTtl: 60 },
		data: {
			...{ stack: "production", ssh: droplet.ssh, image },
			acceptRejects: [],
			database: { url: target.url, ca: "", adminUrl: target.superuserUrl },
			sourceDatabaseUrl: source.url,
			stackAuth: {
				apiUrl: auth.service.url,
				projectId: auth.service.projectId,
				secretServerKey: auth.service.secretServerKey,
			},
			maxFreeze: 900,
		},
	});

	const turn = (rung: SwitchSettings["rung"], done = "an earlier one") => {
		const { port } = server.address() as AddressInfo;
		const outputs = { domain, hostnames, reservedIp, ssh: droplet.ssh };
		return turnSwitch(
			settings(rung),
			done,
			new Place("production", outputs, port),
		);
	};

	const evidence = async () =>
		JSON.parse(await readFile("evidence/production/switch.json", "utf8"));

	/** Refused for this alone, and nothing was done. */
	async function refused(check: string, reason: RegExp): Promise<void> {
		await assert.rejects(turn("on"), (error: unknown) => {
			assert.ok(error instanceof UserError, String(error));
			assert.equal(error.exitCode, 4);
			assert.match(error.found, reason);
			return true;
		});
		const { passed, checks } = await evidence();
		assert.equal(passed, false);
		assert.deepEqual(
			checks
				.filter(({ status }: { status: string }) => status === "failed")
				.map(({ name }: { name: string }) => name),
			[check],
		);
		const { barrier, journal } = await facts();
		assert.equal(barrier.kept, false, "it keeps the source frozen");
		assert.equal(journal, false, "a journal was made");
	}

	const moveNames = () => {
		zone.addresses = Object.fromEntries(
			names.map((name) => [name, reservedIp]),
		);
	};

	describe("on evidence", () => {
		it("is turned: the barrier has no deadline any more, and what the target takes is noted", async () => {
			await turn("on");
			const { passed, checks } = await evidence();
			assert.equal(passed, true);
			assert.equal(checks.length, 7);
			assert.equal((await facts()).barrier.kept, true);
			await run(target.url, "UPDATE things SET name = 'new' WHERE id = 1");
			const { journal, entries } = await migration(env)(
				...["sync", "--reverse", "--state"],
			);
			assert.deepEqual({ journal, entries }, { journal: true, entries: 1 });
		});

		it("is not turned again for other credentials or images", async () => {
			await turnSwitch({ ...settings("on"), turn: "same" }, "same");
			assert.equal((await facts()).barrier.kept, false);
		});

		it("digests unequal", async () => {
			await run(target.url, "UPDATE things SET name = '?' WHERE id = 3");
			await refused("source and target proven equal", /things \(changed\)/);
		});

		it("certificate missing", async () => {
			contexts.delete(hostnames.status);
			await refused(certificates, /status\.example\.test: /);
		});

		it("certificate expired", async () => {
			await certify(hostnames.site, hostnames.site, { from: -90, to: -1 });
			await refused(certificates, /example\.test: certificate has expired/);
		});

		it("certificate for another name", async () => {
			await certify(hostnames.monitoring, "other.example.test");
			await refused(certificates, /monitoring\.example\.test: .*altnames/);
		});

		it("certificate by an authority that nobody trusts", async () => {
			const { certificate, key } = await (
				await createAuthority("another")
			).issue([hostnames.site]);
			contexts.set(
				hostnames.site,
				createSecureContext({ cert: certificate, key }),
			);
			await refused(certificates, /example\.test: unable to verify/);
		});

		it("certificate soon over: less than a third of its lifetime is left", async () => {
			await certify(hostnames.site, hostnames.site, { from: -70, to: 20 });
			await refused(certificates, /20\.0 of 90\.0 days left/);
		});

		it("TTL too high", async () => {
			zone.ttl = 3_600;
			await refused(
				"DNS TTL lowered 48 h ago",
				/TTL is 3600 s, more than 60 s/,
			);
		});

		it("TTL low, but not for long enough: resolvers may hold the former answer", async () => {
			await noteTtl(47);
			await refused("DNS TTL lowered 48 h ago", /low for 47\.0 h only/);
		});

		it("TTL that was high in between counts from when it was lowered again", async () => {
			zone.ttl = 3_600;
			await assert.rejects(turn("on"));
			zone.ttl = 60;
			await refused("DNS TTL lowered 48 h ago", /low for 0\.0 h only/);
		});

		it("service unhealthy: /health says so by name", async () => {
			health = { status: 503, body: JSON.stringify({ status: "degraded" }) };
			await refused("/health says healthy", /503/);
		});

		it("degraded by what is not our doing", async () => {
			health = degraded;
			await refused("/health says healthy", /degraded/);
		});

		it("degraded while a return keeps the new database closed is no reason", async () => {
			health = degraded;
			await migration({ SOURCE_DATABASE_URL: target.url })("freeze");
			await turn("on");
			await run(target.url, "UPDATE things SET name = 'open' WHERE id = 1");
		});

		it("service not complete", async () => {
			await droplet.setServices(["backend 1/2", "caddy 1/1", "follower 0/0"]);
			await refused("services run", /backend 1\/2/);
		});

		it("follower still at work", async () => {
			await droplet.setServices(["backend 2/2", "follower 1/1"]);
			await refused("follower stopped", /1\/1/);
		});

		it("barrier lapsed: the source has been serving since", async () => {
			await migration(env)("freeze", "--renew", "1");
			await waitFor(
				"the deadline",
				async () => (await facts()).barrier.lapsed || undefined,
				{ timeoutMs: 20_000 },
			);
			await assert.rejects(turn("on"), /it lapsed at .* serving since/);
			assert.equal((await facts()).barrier.kept, false);
		});

		it("barrier taken off a table, and written behind its back", async () => {
			await run(
				source.url,
				`
				ALTER TABLE things DISABLE TRIGGER cutover_barrier;
				UPDATE things SET name = 'slipped' WHERE id = 9;
				ALTER TABLE things ENABLE ALWAYS TRIGGER cutover_barrier;
				`,
			);
			await assert.rejects(turn("on"), /things/);
			assert.equal((await facts()).barrier.kept, false);
		});

		it("names every failure at once", async () => {
			contexts.delete(hostnames.site);
			zone.ttl = 3_600;
			await droplet.setServices(["backend 0/2"]);
			await assert.rejects(
				turn("on"),
				/certificates by name[\s\S]*DNS TTL[\s\S]*services run/,
			);
		});
	});

	describe("converges where an up was killed", () => {
		it("behind the barrier's keep: on goes through the gate again", async () => {
			await migration(env)("freeze", "--keep");
			contexts.delete(hostnames.api);
			await assert.rejects(turn("on"), /certificates/);
			await certify(hostnames.api);
			await turn("on");
			assert.equal((await facts()).journal, true);
		});

		it("behind the barrier's keep: off gives it a deadline again", async () => {
			await migration(env)("freeze", "--keep");
			await turn("off");
			const { barrier } = await facts();
			assert.equal(barrier.kept, false);
			assert.ok(barrier.frozen);
			assert.ok(barrier.secondsLeft > 800 && barrier.secondsLeft <= 900);
		});

		it("behind the journal: what the target took since is no difference", async () => {
			await turn("on");
			await run(target.url, "UPDATE things SET name = 'job' WHERE id = 2");
			await turn("on");
			const { checks } = await evidence();
			assert.equal(checks.length, 6);
			contexts.delete(hostnames.api);
			await assert.rejects(turn("on"), /certificates/);
		});

		it("behind the records: nothing is asked again of a system that serves", async () => {
			await turn("on");
			moveNames();
			contexts.delete(hostnames.api);
			await run(target.url, "DELETE FROM things WHERE id = 2");
			await turn("on");
			assert.equal((await facts()).journal, true);
		});

		it("in a return that is taken back: the new system serves again", async () => {
			await turn("on");
			moveNames();
			const there = migration({ SOURCE_DATABASE_URL: target.url });
			await there("freeze");
			const write = () => run(target.url, "DELETE FROM things WHERE id = 5");
			await assert.rejects(write(), /frozen/);
			await turn("on");
			await write();
			const { entries } = await migration(env)("sync", "--reverse", "--state");
			assert.equal(entries, 1);
		});

		it("behind a return, before the records: the freeze goes on with its deadline", async () => {
			moveNames();
			await migration(env)("freeze", "--keep");
			await migration({ SOURCE_DATABASE_URL: target.url })("freeze");
			await turn("off");
			const { barrier } = await facts();
			assert.equal(barrier.kept, false);
			assert.ok(barrier.frozen);
		});
	});

	it("there, back with what the new system took, and there again", async function () {
		this.timeout(180_000);
		// A return looks for users as well.
		({ source, target, env } = await frozenPair(await emptySource()));
		for (const name of ["new", "newer"]) {
			await turn("on");
			moveNames();
			await run(
				target.url,
				`
				UPDATE things SET name = '${name}' WHERE id < 5;
				DELETE FROM things WHERE id = 50;
				INSERT INTO things VALUES (1000, 'fresh') ON CONFLICT DO NOTHING;
				`,
			);
			await turn("off");
			const seen = await run(
				source.url,
				`SELECT count(*)::int, count(*) FILTER (WHERE name = '${name}')::int AS new FROM things`,
			);
			assert.deepEqual(seen, [{ count: 100, new: 4 }]);
			const { barrier, journal } = await facts();
			assert.equal(barrier.kept, false);
			assert.equal(journal, false);
			for (const host of names) zone.addresses[host] = legacy;
		}
	});

	it("for good: the journal goes, again and again; a return by flag is refused then", async () => {
		await turn("on");
		moveNames();
		await turn("final");
		assert.equal((await facts()).journal, false);
		assert.equal((await facts()).barrier.kept, true);
		await turn("final");
		await run(target.url, "DELETE FROM things WHERE id = 2");
		await assert.rejects(turn("off"), /cutover:finalize has removed it/);
		// Not noted any more: a switch on again would hide what a return would lose.
		await assert.rejects(turn("on"), /source and target proven equal/);
	});

	it("off: nothing to return, and a freeze with a deadline is left to it", async () => {
		const { barrier } = await facts();
		await turn("off");
		assert.equal((await facts()).barrier.until, barrier.until);
	});

	it("at the first deployment of a stack without a sync asks nobody", async () => {
		const { data, ...rest } = settings("off");
		assert.ok(data);
		const nobody = { ...data, ssh: { ...data.ssh, port: 1 } };
		await turnSwitch({ ...rest, data: nobody, sync: false }, undefined);
	});

	it("does not wait for one that is dead", async () => {
		const file = "evidence/production/switch.lock";
		const dead = spawn("true");
		await once(dead, "close");
		await writeFile(file, `${dead.pid}\n`);
		await onlyOne(
			file,
			async () => undefined,
			() => undefined,
		);
		await assert.rejects(stat(file), /ENOENT/);
	});

	it("waits for the command of an up that was killed", async () => {
		const file = "evidence/production/switch.lock";
		const order: string[] = [];
		let release = () => {};
		const held = new Promise<void>((done) => {
			release = done;
		});
		let first = Promise.resolve();
		await new Promise<void>((began) => {
			const work = async () => {
				began();
				await held;
				order.push("first");
			};
			first = onlyOne(file, work, () => assert.fail("nobody else is there"));
		});
		let second = Promise.resolve();
		await new Promise<void>((waits) => {
			second = onlyOne(file, async () => void order.push("second"), waits);
		});
		release();
		await Promise.all([first, second]);
		assert.deepEqual(order, ["first", "second"]);
	});
});

const certificates = "certificates by name at the new address";
const answers = (status: string) => ({
	status: 200,
	body: JSON.stringify({
		...{ status, version: "1.0.0" },
		checks: { database: { status: "up", latency_ms: 1 } },
	}),
});
const healthy = answers("healthy");
const degraded = answers("degraded");
