import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import { z } from "zod";
import { expect } from "../../cutover/check";
import type { Site } from "../../cutover/checks/site";
import { addressRecords } from "../../cutover/dns";
import type { Delivery } from "../emulator/peers/ttn";
import { cachingResolver, Load, type LoadCounts } from "./load";
import { ask } from "./new-system";
import type { Rehearsal } from "./rehearsal";
import { Writes } from "./writes";

/** Writes of the old application a second, each a transaction. */
const WRITES_PER_SECOND = 100;
const UPLINKS_PER_SECOND = 5;
/** As many send; the application writes readings of the others. */
const SENSORS = 20;
const PEOPLE = 4;
/** Requests at least; two switches have more than 5,000 in all. */
const REQUESTS = 2_600;
/** The stand-in's webhook is called so much after the gateway has heard the sensor. */
const NETWORK_MS = 200;

/** What a freeze and switch under traffic came to. */
export interface TrafficReport {
	/** From the barrier to the first answer with the new address. */
	freezeSeconds: number;
	writes: { accepted: number; refused: number; lost: number };
	uplinks: { sent: number; refused: number; lost: number; doubled: number };
	load: LoadCounts;
}

/**
 * The product in use while it moves: the old application writes, sensors send,
 * people look at pages, and the names are asked all the time.
 */
export class Traffic {
	readonly #since = new Date();
	readonly #stop = new AbortController();
	readonly #loops: Promise<void>[];
	#switchedAt: number | undefined;

	private constructor(
		private readonly rehearsal: Rehearsal,
		private readonly site: Site,
		private readonly pool: Pool,
		private readonly writes: Writes,
		private readonly load: Load,
		sensors: string[],
	) {
		this.#loops = [this.#send(sensors), this.#watchNames()];
	}

	static async start(rehearsal: Rehearsal, site: Site): Promise<Traffic> {
		const { environment, oldSystem, logins } = rehearsal;
		const pool = await oldSystem.pool(10);
		const { rows } = await pool.query<{ id: string; devEui: string }>(
			`SELECT s.id, s.dev_eui AS "devEui" FROM lora_sensors s
			JOIN ttn_connections c USING (organization_id)
			WHERE s.unit_id IS NOT NULL AND s.deleted_at IS NULL ORDER BY s.dev_eui`,
		);
		const load = new Load({
			people: PEOPLE,
			pauseMs: 50,
			hostnames: site.outputs.hostnames,
			resolve: cachingResolver(environment.EMULATOR_RESOLVER ?? ""),
			ca: await trusted(environment),
			logIn: logins.carried,
		});
		return new Traffic(
			...([rehearsal, site, pool] as const),
			new Writes(
				pool,
				rows.slice(SENSORS).map(({ id }) => id),
				WRITES_PER_SECOND,
			),
			load,
			rows.slice(0, SENSORS).map(({ devEui }) => devEui),
		);
	}

	/** Ends it at once and judges nothing: where the switch has failed. */
	async halt() {
		this.#stop.abort();
		const writes = await this.writes.stop();
		const load = await this.load.stop();
		await Promise.all(this.#loops);
		await this.pool.end();
		return { writes, load };
	}

	/**
	 * Ends it, behind the switch and the catch-up of uplinks.
	 *
	 * @throws Error where anything was lost, doubled, failed, or taken behind the barrier.
	 */
	async stop(): Promise<TrafficReport> {
		await this.load.reach(REQUESTS);
		const { writes, load } = await this.halt();
		const { result } = await this.site.migrate("freeze", "--state");
		const { frozenAt } = z.object({ frozenAt: z.string() }).parse(result);
		expect(
			writes.lastAcceptedAt < frozenAt,
			`the source took a write at ${writes.lastAcceptedAt}, frozen since ${frozenAt}`,
		);
		const arrived = await this.#arrived();
		const deliveries = (await this.rehearsal.control.deliveries()).filter(
			({ receivedAt }) => Date.parse(receivedAt) >= this.#since.getTime(),
		);
		const found = deliveries.map((delivery) => arrived.times(delivery));
		const report: TrafficReport = {
			freezeSeconds: this.#switchedAt
				? (this.#switchedAt - Date.parse(frozenAt)) / 1000
				: Number.NaN,
			writes: {
				accepted: writes.accepted.size,
				refused: writes.refused,
				lost: [...writes.accepted].filter((id) => !arrived.ids.has(id)).length,
			},
			uplinks: {
				sent: deliveries.length,
				refused: deliveries.filter(({ status }) => status !== 200).length,
				lost: found.filter((count) => count === 0).length,
				doubled: found.filter((count) => count > 1).length,
			},
			load,
		};
		const failed = failedOf(load);
		const { lost, doubled } = report.uplinks;
		expect(
			lost + doubled + report.writes.lost + failed === 0,
			`${report.writes.lost} accepted writes lost, ${lost} readings lost, ${doubled} doubled, ${failed} requests failed: ${load.examples.slice(0, 3).join("; ")}`,
		);
		return report;
	}

	async #send(sensors: string[]): Promise<void> {
		const pending = new Set<Promise<unknown>>();
		for (let count = 0; !this.#stop.signal.aborted; count++) {
			const sent = this.rehearsal.control
				.sendUplink(3 + (count % 20) / 10, sensors[count % sensors.length])
				// Refused by the frozen source: that is what the catch-up is for.
				.catch(() => undefined);
			pending.add(sent);
			void sent.finally(() => pending.delete(sent));
			await delay(1000 / UPLINKS_PER_SECOND);
		}
		await Promise.all(pending);
	}

	async #watchNames(): Promise<void> {
		const { domain, hostnames, reservedIp } = this.site.outputs;
		while (!this.#stop.signal.aborted) {
			const answers = await addressRecords(domain, Object.values(hostnames));
			if (answers.every(({ addresses }) => addresses[0] === reservedIp)) {
				this.#switchedAt = Date.now();
				return;
			}
			await delay(50);
		}
	}

	/** The readings that the new database holds since the traffic began. */
	async #arrived() {
		const text = await ask(
			this.site,
			`SELECT concat_ws(' ', r.id, upper(coalesce(s.dev_eui, d.device_eui)), extract(epoch FROM r.recorded_at) * 1000)
			FROM sensor_readings r LEFT JOIN devices d ON d.id = r.device_id
			LEFT JOIN lora_sensors s ON s.device_id = d.id
			WHERE r.recorded_at >= '${new Date(this.#since.getTime() - NETWORK_MS).toISOString()}'`,
		);
		const rows = text.split("\n").map((line) => line.split(" "));
		return {
			ids: new Set(rows.map(([id]) => id)),
			times: ({ devEui, receivedAt }: Delivery) =>
				rows.filter(
					([, eui, at]) =>
						eui === devEui &&
						Math.abs(Number(at) - Date.parse(receivedAt)) <= NETWORK_MS,
				).length,
		};
	}
}

/** Both systems' authorities: people's browsers trust the old one's, too. */
async function trusted(environment: Record<string, string>): Promise<string> {
	const files = [environment.ACME_ROOT_FILE, environment.LEGACY_CA_FILE];
	const texts = await Promise.all(
		files.map((file) => readFile(file ?? "", "utf8")),
	);
	return texts.join("\n");
}

export function failedOf({ failed }: LoadCounts): number {
	return Object.values(failed).reduce((sum, count) => sum + count, 0);
}

/** A report in a line, for people. */
export function trafficInWords(report: TrafficReport): string {
	const { freezeSeconds, writes, uplinks, load } = report;
	return [
		`frozen for ${freezeSeconds.toFixed(1)} s`,
		`${writes.accepted} writes taken by the old system, ${writes.refused} refused, ${writes.lost} lost`,
		`${uplinks.sent} uplinks, ${uplinks.refused} refused at first, ${uplinks.lost} lost, ${uplinks.doubled} doubled`,
		`${load.sent} requests of people, none failed`,
	].join("; ");
}
