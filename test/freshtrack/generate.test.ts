import assert from "node:assert/strict";
import bcrypt from "bcryptjs";
import { Client } from "pg";
import { type LocalPostgres, startLocalPostgres } from "../postgres";
import { fillSource, type KnownSource, knownSource } from "./generate";
import { createSourceSchema } from "./schema";

describe("the generated source", function () {
	this.timeout(180_000);
	let server: LocalPostgres;
	let client: Client;
	let known: KnownSource;
	let counts: Record<string, number>;

	before(async () => {
		server = await startLocalPostgres({ version: 15 });
		client = new Client({
			connectionString: await server.createDatabase("source"),
		});
		await client.connect();
		await createSourceSchema(client);
		({ known, counts } = await fillSource(client, { seed: "test" }));
	});
	after(async () => {
		await client?.end();
		await server?.stop();
	});

	const one = async (sql: string, values: unknown[] = []) =>
		(await client.query(sql, values)).rows[0];

	it("has at least 300,000 readings, 200 people and no empty table", async () => {
		assert.ok((counts.sensor_readings ?? 0) >= 300_000);
		assert.ok((counts["auth.users"] ?? 0) >= 200);
		const { rows } = await client.query(
			"SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
		);
		assert.equal(rows.length, 28);
		for (const { tablename } of rows)
			assert.ok(
				(await one(`SELECT EXISTS (SELECT FROM ${tablename}) AS filled`))
					.filled,
				`${tablename} is empty`,
			);
	});

	it("breaks no foreign key, although none was checked on the way in", async () => {
		const { rows } = await client.query(`
			SELECT conrelid::regclass::text AS "table", confrelid::regclass::text AS parent,
				child.attname AS "column", key.attname AS key
			FROM pg_constraint
			JOIN pg_attribute AS child ON child.attrelid = conrelid AND child.attnum = conkey[1]
			JOIN pg_attribute AS key ON key.attrelid = confrelid AND key.attnum = confkey[1]
			WHERE contype = 'f'`);
		for (const { table, parent, column, key } of rows) {
			const { orphans } = await one(`
				SELECT count(*)::int AS orphans FROM ${table} AS child
				WHERE "${column}" IS NOT NULL AND NOT EXISTS (SELECT FROM ${parent} AS parent WHERE parent."${key}" = child."${column}")`);
			assert.equal(
				orphans,
				0,
				`${table}.${column} names rows that ${parent} lacks`,
			);
		}
	});

	it("fired no trigger", async () => {
		assert.equal(
			(await one("SELECT count(*)::int AS count FROM net.http_request_queue"))
				.count,
			0,
		);
		assert.equal(
			(await one("SELECT count(*)::int AS count FROM ttn_deprovision_jobs"))
				.count,
			counts.ttn_deprovision_jobs,
		);
	});

	it("knows its log-ins: the hashes are of their passwords", async () => {
		for (const logIn of known.logIns) {
			const user = await one(
				"SELECT email, encrypted_password AS hash FROM auth.users WHERE id = $1",
				[logIn.userId],
			);
			assert.equal(user.email, logIn.email);
			if (logIn.password === null) assert.equal(user.hash, null);
			else assert.ok(await bcrypt.compare(logIn.password, user.hash));
		}
		assert.equal(known.logIns[0]?.role, "owner");
		assert.deepEqual(await knownSource("test"), known);
	});

	it("holds what naive copies get wrong", async () => {
		const hazards = await one(`SELECT
			(SELECT count(*) FROM sensor_readings WHERE temperature IS NULL) > 0 AS null_temperature,
			(SELECT count(DISTINCT battery_voltage::text) FROM devices) > 4 AS numeric_scales,
			(SELECT count(*) FROM alerts WHERE next_escalation_at = 'infinity') > 0 AS infinity,
			(SELECT count(*) FROM alerts WHERE first_active_at = '-infinity') > 0 AS minus_infinity,
			(SELECT max(pg_column_size(event_data::text::bytea)) FROM event_logs) > 100000 AS large_json,
			(SELECT count(*) FROM unit_dashboard_layouts WHERE array_position(shared_with_roles, NULL) > 0) > 0 AS null_in_enum_array,
			(SELECT count(*) FROM inspector_sessions WHERE array_position(allowed_site_ids, NULL) > 0) > 0 AS null_in_uuid_array,
			(SELECT count(*) FROM unit_dashboard_layouts WHERE layout_json::text LIKE '%1.10%') > 0 AS exact_json_number,
			(SELECT count(*) FROM sensor_readings WHERE extract(microseconds FROM received_at)::int % 1000 <> 0) > 0 AS microseconds,
			(SELECT count(*) FROM alerts AS a JOIN alerts AS b ON b.id = a.correlated_with_alert_id WHERE b.triggered_at > a.triggered_at) > 0 AS forward_reference,
			(SELECT last_value FROM alarm_evaluation_log_id_seq) > (SELECT max(id) FROM alarm_evaluation_log) AS sequence_ahead,
			(SELECT count(*) FROM auth.users GROUP BY lower(email) HAVING count(*) > 1 LIMIT 1) = 2 AS twins_by_case`);
		assert.deepEqual(
			Object.keys(hazards).filter((name) => hazards[name] !== true),
			[],
		);
	});

	it("is the same for the same seed and another for another", async () => {
		const digest = async (seed: string, name: string) => {
			const other = new Client({
				connectionString: await server.createDatabase(name),
			});
			await other.connect();
			try {
				await createSourceSchema(other);
				await fillSource(other, { seed, hours: 24 });
				const { rows } = await other.query(`
					SELECT (SELECT sum(hash_record_extended(t, 0)) FROM sensor_readings AS t)::text AS readings,
						(SELECT md5(string_agg(t::text, ' ' ORDER BY id)) FROM auth.users AS t) AS users`);
				return rows[0];
			} finally {
				await other.end();
			}
		};
		const first = await digest("test", "first");
		assert.deepEqual(await digest("test", "second"), first);
		assert.notDeepEqual(await digest("other", "third"), first);
	});
});
