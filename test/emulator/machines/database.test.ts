import assert from "node:assert/strict";
import { Client, type ClientConfig } from "pg";
import { createDockerMachines } from "./index";
import type { DatabaseServer, DatabaseSpec, Machines } from "./types";

describe("Managed Postgres in Docker", function () {
	this.timeout(120_000);

	const spec: DatabaseSpec = {
		id: "cluster",
		name: "cluster",
		version: "17",
		vpcId: "vpc",
		hostnames: {
			public: "cluster.db.example",
			private: "private-cluster.db.example",
		},
		admin: { user: "doadmin", password: "it's secret", database: "defaultdb" },
		port: 25060,
	};
	let machines: Machines;
	let server: DatabaseServer;

	before(async () => {
		machines = await createDockerMachines();
		await machines.createVpc({ id: "vpc", ipRange: "10.10.10.0/24" });
		server = await machines.createDatabase(spec);
	});

	after(() => machines?.close());

	/** Connects as the administrator, by the public address but checking the host name. */
	async function ask<Row extends object>(
		sql: string,
		config: ClientConfig = {},
	): Promise<Row[]> {
		const client = new Client({
			host: server.publicIp,
			port: spec.port,
			user: spec.admin.user,
			password: spec.admin.password,
			database: spec.admin.database,
			ssl: { ca: server.ca, servername: spec.hostnames.public },
			connectionTimeoutMillis: 3000,
			...config,
		});
		try {
			await client.connect();
			return (await client.query(sql)).rows as Row[];
		} finally {
			await client.end().catch(() => {});
		}
	}

	it("answers over TLS with a certificate of its own CA for both names and addresses", async () => {
		for (const servername of [spec.hostnames.public, spec.hostnames.private])
			assert.deepEqual(
				await ask("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", {
					ssl: { ca: server.ca, servername },
				}),
				[{ ssl: true }],
			);
		assert.deepEqual(await ask("SELECT 1 AS one", { ssl: { ca: server.ca } }), [
			{ one: 1 },
		]);
		await assert.rejects(
			ask("SELECT 1", {
				ssl: { ca: server.ca, servername: "other.db.example" },
			}),
			/does not match certificate/,
		);
	});

	it("refuses plain text and wrong passwords", async () => {
		await assert.rejects(ask("SELECT 1", { ssl: false }), /no encryption/);
		await assert.rejects(
			ask("SELECT 1", { password: "wrong" }),
			/password authentication failed/,
		);
	});

	it("gives the administrator DigitalOcean's rights and the plan's connections", async () => {
		assert.deepEqual(
			await ask(
				`SELECT rolsuper, rolcreaterole, rolcreatedb, current_setting('server_version_num')::int / 10000 AS version,
					current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS usable,
					pg_get_userbyid(datdba) AS owner, datcollate AS collation
				FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()`,
			),
			[
				{
					rolsuper: false,
					rolcreaterole: true,
					rolcreatedb: true,
					version: 17,
					usable: 22,
					owner: "doadmin",
					collation: "en_US.UTF-8",
				},
			],
		);
	});

	it("makes databases and users, which start without privileges", async () => {
		for (const password of ["first", "second"]) {
			await machines.addDatabase(spec.id, "app-db");
			await machines.setDatabaseUser(spec.id, "app user", password);
		}
		const asUser = {
			user: "app user",
			password: "second",
			database: "app-db",
		};
		await assert.rejects(
			ask("CREATE TABLE kept (id int)", asUser),
			/permission denied for schema public/,
		);
		await ask(`GRANT ALL ON SCHEMA public TO "app user"`, {
			database: "app-db",
		});
		await ask("CREATE TABLE kept AS SELECT 1 AS id", asUser);

		await machines.dropDatabaseUser(spec.id, "app user");
		await machines.dropDatabaseUser(spec.id, "app user");
		assert.deepEqual(await ask("TABLE kept", { database: "app-db" }), [
			{ id: 1 },
		]);
		await machines.dropDatabase(spec.id, "app-db");
		await machines.dropDatabase(spec.id, "app-db");
		await assert.rejects(
			ask("SELECT 1", { database: "app-db" }),
			/does not exist/,
		);
	});

	it("lets in listed addresses only", async () => {
		await machines.setDatabaseFirewall(spec.id, ["192.0.2.1"]);
		await assert.rejects(ask("SELECT 1"), /timeout/);
		await machines.setDatabaseFirewall(spec.id, [machines.network.subnet]);
		assert.equal((await ask("SELECT 1")).length, 1);
		await machines.setDatabaseFirewall(spec.id, []);
		await assert.rejects(ask("SELECT 1"), /timeout/);
		await machines.setDatabaseFirewall(spec.id, null);
		assert.equal((await ask("SELECT 1")).length, 1);
	});

	it("runs version 15, too, and no other", async () => {
		const older = { ...spec, id: "older", name: "older", version: "15" };
		server = await machines.createDatabase(older);
		assert.match(
			(await ask<{ version: string }>("SELECT version()"))[0]?.version ?? "",
			/^PostgreSQL 15\./,
		);
		await machines.deleteDatabase(older.id);
		await machines.deleteDatabase(older.id);
		await assert.rejects(
			machines.createDatabase({ ...older, version: "9" }),
			/expected PostgreSQL 15 or 17/,
		);
	});
});
