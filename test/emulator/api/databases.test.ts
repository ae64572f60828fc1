import assert from "node:assert/strict";
import { Contract } from "../contract";

const request = {
	name: "production-db",
	engine: "pg",
	version: "17",
	region: "nyc3",
	size: "db-s-1vcpu-1gb",
	num_nodes: 1,
};

describe("databases", () => {
	let api: Contract;
	beforeEach(async () => {
		api = await Contract.start();
	});
	afterEach(() => api.close());

	const create = async (fields: Record<string, unknown> = {}) => {
		const { database } = await api.expect(201, "POST", "/v2/databases", {
			...request,
			...fields,
		});
		return database;
	};
	const createOnline = async (fields: Record<string, unknown> = {}) => {
		const { id } = await create(fields);
		await api.settled();
		return id as string;
	};

	it("go from creating to online, with host names of DigitalOcean's form and a CA", async () => {
		const made = await create({ tags: ["production"] });
		assert.equal(made.status, "creating");
		assert.match(
			made.connection.host,
			/^production-db-do-user-\d+-0\.x\.db\.ondigitalocean\.com$/,
		);
		assert.equal(
			made.private_connection.host,
			`private-${made.connection.host}`,
		);
		assert.equal(
			made.connection.uri,
			`postgresql://doadmin:${made.connection.password}@${made.connection.host}:25060/defaultdb?sslmode=require`,
		);
		const path = `/v2/databases/${made.id}`;
		await api.settled();
		const { database } = await api.expect(200, "GET", path);
		assert.equal(database.status, "online");
		const { ca } = await api.expect(200, "GET", `${path}/ca`);
		assert.match(
			Buffer.from(ca.certificate, "base64").toString(),
			/BEGIN CERTIFICATE/,
		);
		const spec = api.machines.databases.get(made.id)?.spec;
		assert.equal(spec?.version, "17");
		assert.deepEqual(spec?.hostnames, {
			public: made.connection.host,
			private: made.private_connection.host,
		});
		await api.expect(204, "DELETE", path);
		await api.expect(404, "GET", path);
		await api.settled();
		assert.equal(api.machines.databases.size, 0);
	});

	it("refuse work until they are online", async () => {
		let finish = () => {};
		const gate = new Promise<void>((done) => {
			finish = done;
		});
		const original = api.machines.createDatabase.bind(api.machines);
		api.machines.createDatabase = async (spec) => {
			await gate;
			return original(spec);
		};
		const { id } = await create();
		const error = await api.expect(412, "POST", `/v2/databases/${id}/dbs`, {
			name: "app",
		});
		assert.equal(error.id, "precondition_failed");
		finish();
		await api.settled();
		await api.expect(201, "POST", `/v2/databases/${id}/dbs`, { name: "app" });
	});

	it("are gone when their server does not come up", async () => {
		api.machines.createDatabase = async () => {
			throw new Error("no room");
		};
		const id = await createOnline();
		await api.expect(404, "GET", `/v2/databases/${id}`);
		const { failures } = await api.expect(200, "GET", "/_emulator/failures");
		assert.deepEqual(failures, ["creation of database production-db: no room"]);
		api.emulator.context.state.failures.length = 0;
	});

	it("hold databases", async () => {
		const id = await createOnline();
		const path = `/v2/databases/${id}/dbs`;
		await api.expect(201, "POST", path, { name: "app" });
		await api.expect(409, "POST", path, { name: "app" });
		assert.deepEqual(await api.expect(200, "GET", `${path}/app`), {
			db: { name: "app" },
		});
		const { dbs } = await api.expect(200, "GET", path);
		assert.deepEqual(dbs, [{ name: "defaultdb" }, { name: "app" }]);
		await api.expect(204, "DELETE", `${path}/app`);
		await api.expect(404, "GET", `${path}/app`);
		assert.deepEqual(
			[...(api.machines.databases.get(id)?.names ?? [])],
			["defaultdb"],
		);
	});

	it("hold users, whose passwords can be reset", async () => {
		const id = await createOnline();
		const path = `/v2/databases/${id}/users`;
		const { user } = await api.expect(201, "POST", path, { name: "app" });
		assert.equal(user.role, "normal");
		const password = () => api.machines.databases.get(id)?.users.get("app");
		assert.equal(password(), user.password);
		await api.expect(409, "POST", path, { name: "app" });
		const reset = await api.expect(200, "POST", `${path}/app/reset_auth`, {});
		assert.notEqual(reset.user.password, user.password);
		assert.equal(password(), reset.user.password);
		const { users } = await api.expect(200, "GET", path);
		assert.deepEqual(
			users.map(({ name }: { name: string }) => name),
			["doadmin", "app"],
		);
		const changed = await api.expect(201, "PUT", `${path}/app`, {
			settings: { pg_allow_replication: true },
		});
		assert.equal(changed.user.settings.pg_allow_replication, true);
		await api.expect(204, "DELETE", `${path}/app`);
		await api.expect(404, "GET", `${path}/app`);
		await api.expect(403, "DELETE", `${path}/doadmin`);
	});

	it("admit only trusted sources: addresses, Droplets and tags", async () => {
		const droplet = await api.droplet({ tags: ["web"] });
		const id = await createOnline();
		const path = `/v2/databases/${id}/firewall`;
		assert.equal(api.machines.databaseFirewalls.get(id), null);
		await api.expect(204, "PUT", path, {
			rules: [
				{ type: "ip_addr", value: "192.0.2.7" },
				{ type: "droplet", value: String(droplet) },
				{ type: "tag", value: "web" },
			],
		});
		const { rules } = await api.expect(200, "GET", path);
		assert.equal(rules.length, 3);
		assert.equal(rules[0].cluster_uuid, id);
		// One address given and the Droplet's two.
		assert.equal(api.machines.databaseFirewalls.get(id)?.length, 3);
		await api.expect(204, "DELETE", `/v2/droplets/${droplet}`);
		await api.settled();
		assert.deepEqual(api.machines.databaseFirewalls.get(id), ["192.0.2.7"]);
		await api.expect(204, "PUT", path, { rules: [] });
		assert.equal(api.machines.databaseFirewalls.get(id), null);
	});

	it("take rules at their creation", async () => {
		const id = await createOnline({
			rules: [{ type: "ip_addr", value: "192.0.2.7" }],
		});
		assert.deepEqual(api.machines.databaseFirewalls.get(id), ["192.0.2.7"]);
	});

	it("count as members of their VPC", async () => {
		const { vpc } = await api.expect(201, "POST", "/v2/vpcs", {
			name: "production",
			region: "nyc3",
		});
		const id = await createOnline({ private_network_uuid: vpc.id });
		const { members } = await api.expect(
			200,
			"GET",
			`/v2/vpcs/${vpc.id}/members?resource_type=dbaas`,
		);
		assert.equal(members[0].urn, `do:dbaas:${id}`);
		await api.expect(403, "DELETE", `/v2/vpcs/${vpc.id}`);
	});

	it("keep maintenance window and configuration", async () => {
		const id = await createOnline();
		const path = `/v2/databases/${id}`;
		await api.expect(204, "PUT", `${path}/maintenance`, {
			day: "tuesday",
			hour: "14:00",
		});
		const { database } = await api.expect(200, "GET", path);
		assert.equal(database.maintenance_window.day, "tuesday");
		await api.expect(200, "PATCH", `${path}/config`, {
			config: { timezone: "UTC" },
		});
		const { config } = await api.expect(200, "GET", `${path}/config`);
		assert.equal(config.timezone, "UTC");
	});

	for (const [what, fields] of [
		["another engine", { engine: "mysql" }],
		["an unknown version", { version: "9" }],
		["an unknown size", { size: "huge" }],
		["an unknown region", { region: "moon1" }],
		["a bad name", { name: "No_Name" }],
	] as const)
		it(`refuse ${what}`, async () => {
			await api.expect(422, "POST", "/v2/databases", { ...request, ...fields });
		});
});
