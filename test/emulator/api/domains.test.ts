import assert from "node:assert/strict";
import { Contract } from "../contract";

const zone = "example.com";
const records = `/v2/domains/${zone}/records`;

describe("domains", () => {
	let api: Contract;
	beforeEach(async () => {
		api = await Contract.start();
		await api.expect(201, "POST", "/v2/domains", { name: zone });
	});
	afterEach(() => api.close());

	const add = async (record: Record<string, unknown>) =>
		(await api.expect(201, "POST", records, record)).domain_record;

	it("begin with SOA and three NS records, and an A record where an address is given", async () => {
		await api.expect(201, "POST", "/v2/domains", {
			name: "staging.example.com",
			ip_address: "192.0.2.1",
		});
		const { domain_records, meta } = await api.expect(
			200,
			"GET",
			"/v2/domains/staging.example.com/records",
		);
		assert.equal(meta.total, 5);
		assert.deepEqual(
			domain_records.map(({ type, data }: { type: string; data: string }) => [
				type,
				data,
			]),
			[
				["SOA", "1800"],
				["NS", "ns1.digitalocean.com"],
				["NS", "ns2.digitalocean.com"],
				["NS", "ns3.digitalocean.com"],
				["A", "192.0.2.1"],
			],
		);
	});

	it("show their zone file, are listed and deleted", async () => {
		await add({ type: "TXT", name: "@", data: "v=spf1 -all" });
		const { domain } = await api.expect(200, "GET", `/v2/domains/${zone}`);
		assert.equal(domain.ttl, 1800);
		assert.match(domain.zone_file, /^\$ORIGIN example\.com\.$/m);
		assert.match(
			domain.zone_file,
			/^example\.com\. 1800 IN TXT "v=spf1 -all"$/m,
		);
		const { meta } = await api.expect(200, "GET", "/v2/domains");
		assert.equal(meta.total, 1);
		await api.expect(422, "POST", "/v2/domains", { name: zone });
		await api.expect(422, "POST", "/v2/domains", { name: "no domain" });
		await api.expect(204, "DELETE", `/v2/domains/${zone}`);
		await api.expect(404, "GET", `/v2/domains/${zone}`);
		await api.expect(404, "GET", records);
	});

	it("create, change and delete records", async () => {
		const made = await add({ type: "A", name: "api", data: "192.0.2.1" });
		assert.equal(made.ttl, 1800);
		assert.equal(made.priority, null);
		const path = `${records}/${made.id}`;
		const patched = await api.expect(200, "PATCH", path, {
			type: "A",
			data: "192.0.2.2",
			ttl: 60,
		});
		assert.deepEqual(patched.domain_record, {
			...made,
			data: "192.0.2.2",
			ttl: 60,
		});
		const put = await api.expect(200, "PUT", path, {
			type: "A",
			name: "www",
			data: "192.0.2.3",
		});
		assert.equal(put.domain_record.name, "www");
		assert.equal(put.domain_record.id, made.id);
		await api.expect(204, "DELETE", path);
		await api.expect(404, "GET", path);
		await api.expect(404, "PATCH", path, { type: "A", data: "192.0.2.2" });
	});

	it("filter records by type and by full name", async () => {
		await add({ type: "A", name: "@", data: "192.0.2.1" });
		await add({ type: "A", name: "api", data: "192.0.2.2" });
		await add({ type: "TXT", name: "api", data: "text" });
		const found = async (query: string) =>
			(await api.expect(200, "GET", `${records}?${query}`)).domain_records.map(
				({ type, data }: { type: string; data: string }) => `${type} ${data}`,
			);
		assert.deepEqual(await found("type=A"), ["A 192.0.2.1", "A 192.0.2.2"]);
		assert.deepEqual(await found("name=api.example.com"), [
			"A 192.0.2.2",
			"TXT text",
		]);
		assert.deepEqual(await found("name=example.com&type=A"), ["A 192.0.2.1"]);
	});

	it("keep one TTL for one name and type", async () => {
		const first = await add({
			type: "A",
			name: "api",
			data: "192.0.2.1",
			ttl: 300,
		});
		await add({ type: "A", name: "api", data: "192.0.2.2", ttl: 60 });
		const { domain_record } = await api.expect(
			200,
			"GET",
			`${records}/${first.id}`,
		);
		assert.equal(domain_record.ttl, 60);
	});

	it("return host names without the final dot that they ask for", async () => {
		const mail = await add({
			type: "MX",
			name: "@",
			data: "mail.example.net.",
			priority: 10,
		});
		assert.equal(mail.data, "mail.example.net");
		assert.equal(mail.priority, 10);
		const caa = await add({
			type: "CAA",
			name: "@",
			data: "letsencrypt.org.",
			flags: 0,
			tag: "issue",
		});
		assert.equal(caa.data, "letsencrypt.org");
		const alias = await add({
			type: "CNAME",
			name: "www.example.com.",
			data: "@",
		});
		assert.equal(alias.name, "www");
	});

	for (const [what, record, message] of [
		[
			"an address that is none",
			{ type: "A", name: "a", data: "example.net." },
			/IPv4/,
		],
		[
			"a host without final dot",
			{ type: "CNAME", name: "a", data: "b.net" },
			/end with a dot/,
		],
		[
			"a TTL below 30",
			{ type: "A", name: "a", data: "192.0.2.1", ttl: 5 },
			/Ttl/,
		],
		[
			"a label that is too long",
			{ type: "A", name: "a".repeat(64), data: "192.0.2.1" },
			/63/,
		],
		["no data", { type: "A", name: "a" }, /Data can't be blank/],
		[
			"a name of another zone",
			{ type: "A", name: "a.net.", data: "192.0.2.1" },
			/within/,
		],
		[
			"an alias beside the zone's own records",
			{ type: "CNAME", name: "@", data: "b.net." },
			/CNAME/,
		],
	] as const)
		it(`refuse a record with ${what}`, async () => {
			const error = await api.expect(422, "POST", records, record);
			assert.equal(error.id, "unprocessable_entity");
			assert.match(error.message, message);
		});
});
