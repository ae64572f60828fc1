import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { Client } from "pg";
import { knownSource } from "../../freshtrack/generate";
import { type Supabase, startSupabase } from "./supabase";
import { createTestNetwork, type TestNetwork } from "./test-network";

describe("the Supabase stand-in", function () {
	this.timeout(180_000);
	const docker = new Docker();
	let network: TestNetwork;
	let stateDir: string;
	let supabase: Supabase;
	let client: Client;

	before(async () => {
		stateDir = await mkdtemp(join(tmpdir(), "supabase-test-"));
		network = await createTestNetwork(docker);
		supabase = await startSupabase({
			docker,
			network: network.name,
			address: network.address(20),
			labels: network.labels,
			stateDir,
		});
		const url = new URL(supabase.url);
		url.search = "";
		client = new Client({
			connectionString: url.href,
			ssl: { ca: supabase.ca },
		});
		await client.connect();
	});

	after(async () => {
		await client?.end();
		await supabase?.close();
		await network?.remove();
		await rm(stateDir, { recursive: true, force: true });
	});

	it("is PostgreSQL 15, over TLS with its own CA, with postgres as an ordinary role", async () => {
		const { rows } = await client.query(`
			SELECT current_setting('server_version_num')::int / 10000 AS major, ssl, rolsuper AS superuser
			FROM pg_stat_ssl, pg_roles WHERE pid = pg_backend_pid() AND rolname = current_user`);
		assert.deepEqual(rows[0], { major: 15, ssl: true, superuser: false });
	});

	it("refuses plain text", async () => {
		const url = new URL(supabase.url);
		url.search = "?sslmode=disable";
		const plain = new Client({ connectionString: url.href });
		await assert.rejects(
			plain.connect(),
			/no pg_hba.conf entry.*no encryption/,
		);
	});

	it("holds the generated data", async () => {
		const { rows } = await client.query(`
			SELECT (SELECT count(*)::int FROM sensor_readings) AS readings, (SELECT count(*)::int FROM auth.users) AS users`);
		assert.ok(rows[0].readings >= 300_000);
		assert.ok(rows[0].users >= 200);
		const [owner] = (await knownSource()).logIns;
		const { rows: found } = await client.query(
			"SELECT email FROM auth.users WHERE id = $1",
			[owner?.userId],
		);
		assert.equal(found[0]?.email, owner?.email);
	});
});
