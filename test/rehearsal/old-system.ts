import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import bcrypt from "bcryptjs";
import { Client, Pool } from "pg";
import { expect } from "../../cutover/check";
import type { Credentials } from "../../cutover/checks/completion";
import type { Used } from "./use";

/** Signs up while the sync is on, so is moved by the last users step alone. */
export const lateComer: Credentials = {
	email: "late.comer@example.com",
	password: "arrived-in-between",
};

/** The old application as its database sees it: it goes on while its data is moved. */
export class OldSystem {
	/** @param environment the emulator's: SOURCE_DATABASE_URL, SOURCE_DATABASE_CA_FILE */
	constructor(private readonly environment: Record<string, string>) {}

	/** Readings, changes, deletions and a sign-up. */
	async goesOn(): Promise<string> {
		return this.#use(async (client) => {
			await client.query("BEGIN");
			const readings = await client.query(`
				INSERT INTO sensor_readings (unit_id, lora_sensor_id, temperature, recorded_at)
				SELECT unit_id, id, 36 + n / 100.0, now() - n * interval '1 minute'
				FROM lora_sensors, generate_series(1, 25) AS n
				WHERE unit_id IS NOT NULL`);
			const alerts = await client.query(`
				UPDATE alerts SET status = 'resolved', resolved_at = now()
				WHERE id IN (SELECT id FROM alerts WHERE status = 'active' ORDER BY id LIMIT 50)`);
			const events = await client.query(`
				DELETE FROM door_events
				WHERE id IN (SELECT id FROM door_events ORDER BY id LIMIT 20)`);
			await signUp(client);
			await client.query("COMMIT");
			return `${readings.rowCount} readings, ${alerts.rowCount} alerts resolved, ${events.rowCount} door events deleted, 1 sign-up`;
		});
	}

	/** Behind the write barrier. */
	async refusesWrites(): Promise<string> {
		return this.#use(async (client) => {
			const refusal = await client.query(HARMLESS_WRITE).then(
				() => undefined,
				(error: Error) => error.message,
			);
			expect(refusal, "the frozen source took a write");
			return refusal;
		});
	}

	async hasReading(id: string): Promise<boolean> {
		return this.#use(async (client) => {
			const { rowCount } = await client.query(
				"SELECT FROM sensor_readings WHERE id = $1",
				[id],
			);
			return rowCount === 1;
		});
	}

	/** What the new system was used for is here, row by row. */
	async holds({ readings, alerts, doorEvents, users }: Used): Promise<void> {
		await this.#use(async (client) => {
			const { rows } = await client.query(
				`SELECT (SELECT count(*) FROM sensor_readings WHERE id = ANY ($1))::int AS readings,
					(SELECT count(*) FROM alerts WHERE id = ANY ($2) AND escalation_level = 4)::int AS alerts,
					(SELECT count(*) FROM door_events WHERE id = ANY ($3))::int AS "doorEvents",
					(SELECT count(*) FROM auth.users WHERE id = ANY ($4))::int AS users,
					(SELECT count(*) FROM profiles WHERE user_id = ANY ($4))::int AS profiles`,
				[readings, alerts, doorEvents, users],
			);
			const found = JSON.stringify(rows[0]);
			const wanted = JSON.stringify({
				readings: readings.length,
				alerts: alerts.length,
				doorEvents: 0,
				users: users.length,
				profiles: users.length,
			});
			expect(found === wanted, `expected ${wanted}, found ${found}`);
		});
	}

	/** The password's hash is as it was. */
	async takesLogIn({ email, password }: Credentials): Promise<void> {
		await this.#use(async (client) => {
			const { rows } = await client.query<{ hash: string }>(
				"SELECT encrypted_password AS hash FROM auth.users WHERE email = $1",
				[email],
			);
			const fits = await bcrypt.compare(password, rows[0]?.hash ?? "");
			expect(fits, `${email} cannot log in to the old system`);
		});
	}

	/** As before the sync: takes writes, and nothing of ours is left in it. */
	async isItselfAgain(): Promise<string> {
		return this.#use(async (client) => {
			const { rowCount } = await client.query(HARMLESS_WRITE);
			const { rows } = await client.query<{ left: string }>(`
				SELECT tgrelid::regclass || '.' || tgname AS left FROM pg_trigger WHERE tgname LIKE 'cutover%'
				UNION ALL
				SELECT nspname FROM pg_namespace WHERE nspname = 'cutover'`);
			expect(
				rows.length === 0,
				`left behind: ${rows.map(({ left }) => left).join(", ")}`,
			);
			return `${rowCount} rows written, no trigger and no schema left behind`;
		});
	}

	/** Connections of the application; the caller ends them. */
	async pool(most: number): Promise<Pool> {
		const pool = new Pool({ ...(await this.#address()), max: most });
		// A broken idle connection is replaced at the next query.
		pool.on("error", () => undefined);
		return pool;
	}

	async #address() {
		const url = new URL(this.environment.SOURCE_DATABASE_URL ?? "");
		// Less than what is checked here, by the authority's own certificate.
		url.search = "";
		const ca = await readFile(
			this.environment.SOURCE_DATABASE_CA_FILE ?? "",
			"utf8",
		);
		return { connectionString: url.href, ssl: { ca } };
	}

	async #use<Result>(
		work: (client: Client) => Promise<Result>,
	): Promise<Result> {
		const client = new Client(await this.#address());
		await client.connect();
		try {
			return await work(client);
		} finally {
			await client.end();
		}
	}
}

const HARMLESS_WRITE = "UPDATE organizations SET name = name";

/** A new member of the first organization; the old system's trigger makes the profile. */
async function signUp(client: Client): Promise<void> {
	const id = randomUUID();
	await client.query(
		`INSERT INTO auth.users (id, aud, role, email, encrypted_password, email_confirmed_at, created_at, raw_user_meta_data)
		VALUES ($1, 'authenticated', 'authenticated', $2, $3, now(), now(), '{"full_name": "Late Comer"}')`,
		[id, lateComer.email, await bcrypt.hash(lateComer.password, 4)],
	);
	const first = "(SELECT id FROM organizations ORDER BY slug LIMIT 1)";
	await client.query(
		`UPDATE profiles SET organization_id = ${first} WHERE user_id = $1`,
		[id],
	);
	await client.query(
		`INSERT INTO user_roles (user_id, organization_id, role) VALUES ($1, ${first}, 'staff')`,
		[id],
	);
}
