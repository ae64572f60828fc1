import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";

/** What the old application's writes came to. */
export interface WriteReport {
	/** Ids of the readings that the database took. */
	accepted: Set<string>;
	refused: number;
	/** By the server's clock, ISO 8601: of the last accepted one. */
	lastAcceptedAt: string;
	/** What a refused one heard last. */
	lastRefusal: string;
}

/** Every fourth write changes a row instead of adding one. */
const CHANGE =
	"UPDATE alerts SET escalation_level = 1 - coalesce(escalation_level, 0) % 2 WHERE id = $1";
const INSERT = `
	INSERT INTO sensor_readings (unit_id, lora_sensor_id, temperature, recorded_at)
	SELECT unit_id, id, $1, clock_timestamp() FROM lora_sensors WHERE id = $2
	RETURNING id, clock_timestamp() AS at`;

/**
 * The old application at work: writes of one transaction each, at a steady pace,
 * each tried once. Who is refused behind a write barrier has not been served and
 * knows it: only an accepted write may never be lost.
 */
export class Writes {
	readonly #report: WriteReport = {
		accepted: new Set(),
		refused: 0,
		lastAcceptedAt: "",
		lastRefusal: "",
	};
	readonly #stop = new AbortController();
	readonly #running: Promise<void>;

	/**
	 * @param sensors ids of those that the readings are of
	 * @param perSecond attempts; fewer where the database does not keep up
	 */
	constructor(
		private readonly pool: Pool,
		private readonly sensors: string[],
		private readonly perSecond: number,
	) {
		this.#running = this.#run();
	}

	/** Ends; gives what became of all writes. */
	async stop(): Promise<WriteReport> {
		this.#stop.abort();
		await this.#running;
		return this.#report;
	}

	async #run(): Promise<void> {
		const alerts = await this.#ids(
			"SELECT id FROM alerts ORDER BY id LIMIT 50",
		);
		const pending = new Set<Promise<void>>();
		const started = performance.now();
		for (let count = 0; !this.#stop.signal.aborted; count++) {
			const due = started + (count * 1000) / this.perSecond;
			await delay(Math.max(0, due - performance.now()));
			const write =
				count % 4 === 3
					? this.#write(CHANGE, [alerts[count % alerts.length]])
					: this.#write(INSERT, [
							36 + (count % 10) / 10,
							this.sensors[count % this.sensors.length],
						]);
			pending.add(write);
			void write.finally(() => pending.delete(write));
			if (pending.size >= 50) await Promise.race(pending);
		}
		await Promise.all(pending);
	}

	async #write(sql: string, values: unknown[]): Promise<void> {
		const report = this.#report;
		try {
			const { rows } = await this.pool.query<{ id: string; at: Date }>(
				sql,
				values,
			);
			const [row] = rows;
			if (!row) return;
			report.accepted.add(row.id);
			const at = row.at.toISOString();
			if (at > report.lastAcceptedAt) report.lastAcceptedAt = at;
		} catch (error) {
			report.refused++;
			report.lastRefusal = (error as Error).message;
		}
	}

	async #ids(sql: string): Promise<string[]> {
		const { rows } = await this.pool.query<{ id: string }>(sql);
		return rows.map(({ id }) => id);
	}
}
