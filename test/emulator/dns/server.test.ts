import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { Resolver } from "node:dns/promises";
import { promisify } from "node:util";
import { Contract } from "../contract";

const run = promisify(execFile);

describe("the name server", () => {
	let api: Contract;
	let resolver: Resolver;
	beforeEach(async () => {
		api = await Contract.start();
		await api.expect(201, "POST", "/v2/domains", {
			name: "example.com",
			ip_address: "192.0.2.1",
		});
		resolver = new Resolver();
		const [server] = api.emulator.resolvers;
		resolver.setServers([`${server?.address}:${server?.port}`]);
	});
	afterEach(() => api.close());

	const add = (record: Record<string, unknown>) =>
		api.expect(201, "POST", "/v2/domains/example.com/records", record);

	/** dig's answer: header flags and status, and the lines of the sections. */
	const dig = async (...question: string[]) => {
		const [server] = api.emulator.resolvers;
		const { stdout } = await run("dig", [
			`@${server?.address}`,
			"-p",
			String(server?.port),
			"+noall",
			"+comments",
			"+answer",
			"+authority",
			"+time=2",
			"+tries=1",
			...question,
		]);
		return {
			status: /status: (\w+)/.exec(stdout)?.[1],
			flags: /flags: ([a-z ]+);/.exec(stdout)?.[1]?.split(" ") ?? [],
			lines: stdout
				.split("\n")
				.filter((line) => line !== "" && !line.startsWith(";"))
				.map((line) => line.split(/\s+/).join(" ")),
		};
	};

	it("answers dig with authority, the record's TTL and what the API last said", async () => {
		const { domain_record } = await add({
			type: "A",
			name: "api",
			data: "192.0.2.2",
			ttl: 60,
		});
		const first = await dig("api.example.com");
		assert.equal(first.status, "NOERROR");
		assert.ok(first.flags.includes("aa"));
		assert.deepEqual(first.lines, ["api.example.com. 60 IN A 192.0.2.2"]);
		await api.expect(
			200,
			"PATCH",
			`/v2/domains/example.com/records/${domain_record.id}`,
			{ type: "A", data: "192.0.2.3" },
		);
		assert.deepEqual((await dig("api.example.com")).lines, [
			"api.example.com. 60 IN A 192.0.2.3",
		]);
	});

	it("answers every type of record", async () => {
		await add({ type: "AAAA", name: "@", data: "2001:db8::1" });
		await add({ type: "CNAME", name: "www", data: "@" });
		await add({
			type: "MX",
			name: "@",
			data: "mail.example.net.",
			priority: 5,
		});
		await add({
			type: "SRV",
			name: "_imaps._tcp",
			data: "mail.example.net.",
			priority: 1,
			weight: 2,
			port: 993,
		});
		await add({
			type: "CAA",
			name: "@",
			data: "letsencrypt.org.",
			flags: 0,
			tag: "issue",
		});
		const long = "x".repeat(300);
		await add({ type: "TXT", name: "_acme-challenge", data: long });

		assert.deepEqual(await resolver.resolve4("www.example.com"), ["192.0.2.1"]);
		assert.deepEqual(await resolver.resolve6("example.com"), ["2001:db8::1"]);
		assert.deepEqual(await resolver.resolveMx("example.com"), [
			{ exchange: "mail.example.net", priority: 5 },
		]);
		const [service] = await resolver.resolveSrv("_imaps._tcp.example.com");
		assert.equal(service?.port, 993);
		const [authority] = await resolver.resolveCaa("example.com");
		assert.equal(authority?.issue, "letsencrypt.org");
		const [text] = await resolver.resolveTxt("_acme-challenge.example.com");
		assert.equal(text?.join(""), long);
		assert.deepEqual((await resolver.resolveNs("example.com")).sort(), [
			"ns1.digitalocean.com",
			"ns2.digitalocean.com",
			"ns3.digitalocean.com",
		]);
		const soa = await resolver.resolveSoa("example.com");
		assert.equal(soa.nsname, "ns1.digitalocean.com");
		assert.equal(soa.hostmaster, "hostmaster.example.com");
	});

	it("raises the zone's serial with each change", async () => {
		const before = (await resolver.resolveSoa("example.com")).serial;
		await add({ type: "A", name: "api", data: "192.0.2.2" });
		assert.ok((await resolver.resolveSoa("example.com")).serial > before);
	});

	it("tells a missing name from a missing type, with the SOA in both", async () => {
		const missingName = await dig("none.example.com");
		assert.equal(missingName.status, "NXDOMAIN");
		const missingType = await dig("example.com", "AAAA");
		assert.equal(missingType.status, "NOERROR");
		for (const { lines } of [missingName, missingType]) {
			assert.equal(lines.length, 1);
			assert.match(lines[0] ?? "", /^example\.com\. 1800 IN SOA /);
		}
	});

	it("answers wildcards where no name is closer", async () => {
		await add({ type: "A", name: "*", data: "192.0.2.9" });
		await add({ type: "A", name: "a.exists", data: "192.0.2.8" });
		assert.deepEqual(await resolver.resolve4("any.thing.example.com"), [
			"192.0.2.9",
		]);
		// RFC 4592: exists.example.com is there, as part of a.exists.example.com.
		assert.equal((await dig("exists.example.com")).status, "NOERROR");
		assert.equal((await dig("b.exists.example.com")).status, "NXDOMAIN");
	});

	it("lets the longest domain answer", async () => {
		await add({ type: "A", name: "api.staging", data: "192.0.2.2" });
		await api.expect(201, "POST", "/v2/domains", {
			name: "staging.example.com",
			ip_address: "192.0.2.3",
		});
		assert.deepEqual(await resolver.resolve4("staging.example.com"), [
			"192.0.2.3",
		]);
		assert.equal((await dig("api.staging.example.com")).status, "NXDOMAIN");
	});

	it("truncates what does not fit UDP, and gives it whole over TCP", async () => {
		for (let number = 0; number < 30; number += 1)
			await add({ type: "A", name: "many", data: `198.51.100.${number}` });
		const short = await dig("+ignore", "+noedns", "many.example.com");
		assert.ok(short.flags.includes("tc"));
		assert.equal(short.lines.length, 0);
		assert.equal((await dig("+tcp", "many.example.com")).lines.length, 30);
		// dig asks again over TCP by itself.
		assert.equal((await dig("+noedns", "many.example.com")).lines.length, 30);
		assert.equal(
			(await dig("+bufsize=1232", "+ignore", "many.example.com")).lines.length,
			30,
		);
	});

	it("knows a database cluster's hosts while it exists", async () => {
		const { database } = await api.expect(201, "POST", "/v2/databases", {
			name: "production-db",
			engine: "pg",
			region: "nyc3",
			size: "db-s-1vcpu-1gb",
			num_nodes: 1,
		});
		await api.settled();
		const hosts = [database.connection.host, database.private_connection.host];
		for (const host of hosts)
			assert.equal((await resolver.resolve4(host)).length, 1);
	});

	it("does not speak as authority on names outside of the account", async () => {
		// "invalid" never exists (RFC 2606): the host's resolver says so, or none answers.
		const { flags, status } = await dig("+time=7", "host.invalid");
		assert.ok(!flags.includes("aa"));
		assert.match(status ?? "", /NXDOMAIN|SERVFAIL|REFUSED/);
	});
});
