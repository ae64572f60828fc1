import { setTimeout as delay } from "node:timers/promises";
import { http, trustedRoot } from "./http";
import { frameCount, type Ttn, type Uplink, type Webhook } from "./ttn-api";

/** Milliseconds to wait for what nobody can be asked about. */
export interface Patience {
	/** Until every part of TTN posts to a webhook's new address. */
	propagation: number;
	/** Until a post has been answered or given up, and storage has the uplink: TTN waits 10 s for an answer. */
	inFlight: number;
}

export const realPatience: Patience = { propagation: 5_000, inFlight: 15_000 };

/** Tries of an uplink that the receiver does not answer or answers 5xx. */
const ROUNDS = 8;

/** Who is to get the uplinks. */
export interface Receiver {
	/** Where the posts go, and with which secrets. */
	webhooks: Webhook[];
	/** Connects here, wherever the webhooks' name points. */
	address?: string | undefined;
	/** What it holds since a time: it may store an uplink twice that it gets twice. */
	held(since: Date): Promise<Held>;
}

/** Device EUI and time of messages. */
export type Held = [devEui: string, receivedAt: string][];

export interface DeviceReport {
	applicationId: string;
	deviceId: string;
	uplinks: number;
	/** Frame counters of the first and the last uplink. */
	first: number;
	last: number;
	/** Counters that TTN itself never got: "7", "9-12". */
	gaps: string[];
	/** Counters of uplinks that the receiver did not take, with its answer: "17 (404)". */
	refused: string[];
}

export interface UplinkReport {
	after: string;
	before: string;
	uplinks: number;
	/** Of these, what the receiver had not held and holds now. */
	posted: number;
	/** What it does not hold though it was posted. */
	refused: number;
	/** Applications whose uplinks nobody kept. */
	withoutStorage: string[];
	devices: DeviceReport[];
}

/**
 * Posts to a receiver what TTN's storage kept, oldest first within an application,
 * as TTN would have: the same body, to every webhook of the application, with its
 * headers. Can be run again at any time, after a kill as well.
 *
 * @param window.after the first time to look at; earlier is harmless.
 * @param window.pointed when the webhooks' addresses were set.
 * @throws Error when the receiver does not answer, or answers 5xx, in the last round
 *   too. Other answers are final, and stand in the report.
 */
export async function catchUp(
	ttn: Ttn,
	receiver: Receiver,
	window: { after: Date; pointed: Date },
	patience: Patience = realPatience,
): Promise<UplinkReport> {
	const { after } = window;
	const before = new Date(window.pointed.getTime() + patience.propagation);
	const withoutStorage = await ttn.withoutStorage();
	// The time of the pointing may be a second ahead: see point().
	await delay(1_000 + patience.propagation + patience.inFlight);
	const applications = [
		...new Set(receiver.webhooks.map(({ applicationId }) => applicationId)),
	];
	const reports = await Promise.all(
		applications.map(async (applicationId) => {
			const uplinks = await ttn.stored(applicationId, { after, before });
			const mine = {
				...receiver,
				webhooks: receiver.webhooks.filter(
					(webhook) =>
						webhook.applicationId === applicationId &&
						webhook.uplinkPath !== undefined,
				),
			};
			return deliver(applicationId, uplinks, mine, after, patience);
		}),
	);
	const sum = (count: "uplinks" | "posted" | "refused") =>
		reports.reduce((total, report) => total + report[count], 0);
	return {
		after: after.toISOString(),
		before: before.toISOString(),
		uplinks: sum("uplinks"),
		posted: sum("posted"),
		refused: sum("refused"),
		withoutStorage,
		devices: reports.flatMap(({ devices }) => devices),
	};
}

async function deliver(
	applicationId: string,
	uplinks: Uplink[],
	receiver: Receiver,
	after: Date,
	patience: Patience,
) {
	/** Answers that are final. */
	const answers = new Map<Uplink, number>();
	const refused = new Map<Uplink, number>();
	for (let round = 1; ; round += 1) {
		const held = amongHeld(uplinks, await receiver.held(after));
		let failure: string | undefined;
		for (const uplink of uplinks) {
			if (answers.has(uplink) || held.has(uplink)) continue;
			const answer = await post(uplink, receiver);
			if (typeof answer === "number") answers.set(uplink, answer);
			else failure = answer;
		}
		if (!failure) break;
		if (round === ROUNDS) throw new Error(`${applicationId}: ${failure}`);
		// What it stored without an answer is not sent again.
		await delay(patience.inFlight);
	}
	const held = amongHeld(uplinks, await receiver.held(after));
	// Also where the answer was good: a device that nobody knows may get 202.
	for (const [uplink, status] of answers)
		if (!held.has(uplink)) refused.set(uplink, status);
	return {
		uplinks: uplinks.length,
		posted: answers.size - refused.size,
		refused: refused.size,
		devices: reportDevices(applicationId, uplinks, refused),
	};
}

/**
 * The uplinks that are among those held: of the same device, and of one of an uplink's two
 * times, which a system may cut or round to the millisecond. A time held is one uplink's:
 * the network server's time goes first, so that the application server's, a little later,
 * is not taken for that of the next uplink.
 */
export function amongHeld(uplinks: Uplink[], held: Held): Set<Uplink> {
	const times = new Map<string, Set<number>>();
	for (const [devEui, at] of held) {
		const key = devEui.toUpperCase();
		const known = times.get(key) ?? new Set();
		times.set(key, known.add(Date.parse(at)));
	}
	const found = new Set<Uplink>();
	for (const timeOf of [
		(uplink: Uplink) => uplink.uplink_message.received_at,
		(uplink: Uplink) => uplink.received_at,
	])
		for (const uplink of uplinks) {
			const { dev_eui: devEui = "" } = uplink.end_device_ids;
			const own = times.get(devEui.toUpperCase());
			const at = Date.parse(timeOf(uplink) ?? "");
			const match = [at, at + 1, at - 1].find((each) => own?.has(each));
			if (found.has(uplink) || match === undefined) continue;
			found.add(uplink);
			own?.delete(match);
		}
	return found;
}

/** The final answer, the best of all webhooks; a text where there is none yet. */
async function post(
	uplink: Uplink,
	{ webhooks, address }: Receiver,
): Promise<number | string> {
	const ca = trustedRoot();
	const outcomes = await Promise.all(
		webhooks.map(async ({ baseUrl, uplinkPath = "", headers }) => {
			const url = `${baseUrl.replace(/\/+$/, "")}/${uplinkPath.replace(/^\/+/, "")}`;
			try {
				const { status } = await http(url, {
					headers,
					json: uplink,
					...(address ? { address } : {}),
					...(ca ? { ca } : {}),
				});
				return status >= 500 || status === 429
					? `${url} answered ${status}`
					: status;
			} catch (error) {
				return (error as Error).message;
			}
		}),
	);
	const taken = outcomes.find(
		(outcome) => typeof outcome === "number" && outcome >= 200 && outcome < 300,
	);
	const waiting = outcomes.find((outcome) => typeof outcome === "string");
	return taken ?? waiting ?? outcomes[0] ?? 0;
}

/** What TTN has of each device, by frame counter, and what of it was not taken. */
export function reportDevices(
	applicationId: string,
	uplinks: Uplink[],
	refused: ReadonlyMap<Uplink, number>,
): DeviceReport[] {
	const devices = new Map<string, Uplink[]>();
	for (const uplink of uplinks) {
		const { device_id: id } = uplink.end_device_ids;
		const own = devices.get(id);
		if (own) own.push(uplink);
		else devices.set(id, [uplink]);
	}
	return [...devices].map(([deviceId, own]) => {
		const counts = own.map(frameCount);
		return {
			applicationId,
			deviceId,
			uplinks: own.length,
			first: counts[0] ?? 0,
			last: counts.at(-1) ?? 0,
			gaps: gapsOf(counts),
			refused: own
				.filter((uplink) => refused.has(uplink))
				.map((uplink) => `${frameCount(uplink)} (${refused.get(uplink)})`),
		};
	});
}

/** Counters that are left out, in order of time; one that falls begins anew, as after a join. */
function gapsOf(counts: number[]): string[] {
	return counts.flatMap((count, index) => {
		const missing = (counts[index - 1] ?? count) + 1;
		if (index === 0 || count <= missing) return [];
		return missing === count - 1
			? [String(missing)]
			: [`${missing}-${count - 1}`];
	});
}
