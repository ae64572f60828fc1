import { createTransport } from "nodemailer";
import { apiTime, type Beat, type Monitor, Status, type Store } from "./store";

/** A push that comes a little late counts, as the official server has it. */
const pushGraceMs = 1_000;

/**
 * Looks at what the monitors name, each at once and then in its interval: an http
 * monitor by a request, one of type push by the time since its last heartbeat, a group
 * by its children.
 */
export class Runner {
	readonly #store: Store;
	readonly #timers = new Map<number, NodeJS.Timeout>();
	/** Told of every heartbeat; `important` is one that changed the status. */
	readonly #onBeat: (beat: Beat) => void;

	constructor(store: Store, onBeat: (beat: Beat) => void) {
		this.#store = store;
		this.#onBeat = onBeat;
		for (const { id } of store.state.monitors) this.start(id);
	}

	start(id: number): void {
		this.stop(id);
		void this.#look(id);
	}

	stop(id: number): void {
		clearTimeout(this.#timers.get(id));
		this.#timers.delete(id);
	}

	stopAll(): void {
		for (const id of [...this.#timers.keys()]) this.stop(id);
	}

	/** /api/push/TOKEN. @returns false where no monitor has this token. */
	push(
		token: string,
		given: { status: string; msg: string; ping: number | null },
	): boolean {
		const monitor = this.#store.state.monitors.find(
			({ type, pushToken }) => type === "push" && pushToken === token,
		);
		if (!monitor) return false;
		const status = given.status === "up" ? Status.up : Status.down;
		this.#note(monitor, status, given.msg, given.ping);
		return true;
	}

	#next(monitor: Monitor, seconds: number): void {
		const timer = setTimeout(() => void this.#look(monitor.id), seconds * 1000);
		this.#timers.set(monitor.id, timer);
	}

	async #look(id: number): Promise<void> {
		const monitor = this.#find(id);
		if (!monitor) return;
		// A mark that it runs, by which an edit meanwhile is seen.
		const started = setTimeout(() => undefined, 0);
		this.#timers.set(id, started);
		let seconds: number = monitor.interval;
		if (this.#store.isUnderMaintenance(id))
			this.#note(
				monitor,
				Status.maintenance,
				"Monitor under maintenance",
				null,
			);
		else if (monitor.type === "push") seconds = this.#missed(monitor);
		else if (monitor.type === "group")
			this.#note(monitor, ...this.#ofGroup(id));
		else {
			const [status, msg, ping] = await ask(monitor);
			if (this.#timers.get(id) !== started) return;
			this.#note(monitor, status, msg, ping);
		}
		this.#next(monitor, seconds);
	}

	/** @returns seconds until the next look. */
	#missed(monitor: Monitor): number {
		const last = this.#store.beatsOf(monitor.id).at(-1);
		const since = last ? Date.now() - Date.parse(`${last.time}Z`) : undefined;
		const allowed = monitor.interval * 1000;
		if (
			last?.status === Status.up &&
			since !== undefined &&
			since <= allowed + pushGraceMs
		)
			return Math.max(0, allowed - since + pushGraceMs) / 1000;
		this.#note(monitor, Status.down, "No heartbeat in the time window", null);
		return monitor.interval;
	}

	#ofGroup(id: number): [Status, string, null] {
		const children = this.#store.state.monitors.filter(
			({ parent }) => parent === id,
		);
		const last = children.map(
			(child) => this.#store.beatsOf(child.id).at(-1)?.status,
		);
		if (last.includes(Status.down)) return [Status.down, "Child down", null];
		if (last.length === 0 || last.includes(undefined))
			return [Status.pending, "Child pending", null];
		if (last.includes(Status.pending))
			return [Status.pending, "Child pending", null];
		return [Status.up, "All children up", null];
	}

	/** A heartbeat; failures count as down when more of them came than the monitor forgives. */
	#note(
		monitor: Monitor,
		seen: Status,
		msg: string,
		ping: number | null,
	): void {
		const last = this.#store.beatsOf(monitor.id).at(-1);
		const status = this.#store.isUnderMaintenance(monitor.id)
			? Status.maintenance
			: seen;
		const failed = status === Status.down;
		const retries = failed ? (last?.retries ?? 0) + 1 : 0;
		const pending = failed && retries <= monitor.maxretries;
		const beat: Beat = {
			id: this.#store.nextId(),
			monitor_id: monitor.id,
			status: pending ? Status.pending : status,
			...{ time: apiTime(), msg, ping, retries, important: 0 },
		};
		const settled = beat.status !== Status.pending;
		const before = this.#store
			.beatsOf(monitor.id)
			.findLast((one) => one.status !== Status.pending);
		if (settled && before?.status !== beat.status) beat.important = 1;
		this.#store.addBeat(beat);
		this.#onBeat(beat);
		// Nobody is told what is, or was, under maintenance, nor that a new one is up.
		const telling = [beat.status, before?.status ?? Status.up];
		if (
			beat.important === 1 &&
			!telling.includes(Status.maintenance) &&
			(before || beat.status === Status.down)
		)
			this.#tell(monitor, beat);
	}

	#tell(monitor: Monitor, beat: Beat): void {
		for (const { id, config } of this.#store.state.notifications)
			if (monitor.notificationIDList[id])
				void tell(JSON.parse(config), monitor, beat).catch((error: Error) =>
					process.stderr.write(`notification ${id}: ${error.message}\n`),
				);
	}

	#find(id: number): Monitor | undefined {
		return this.#store.state.monitors.find((one) => one.id === id);
	}
}

async function ask(monitor: Monitor): Promise<[Status, string, number | null]> {
	const started = Date.now();
	try {
		const answer = await fetch(String(monitor.url), {
			method: String(monitor.method ?? "GET"),
			signal: AbortSignal.timeout(Number(monitor.timeout ?? 48) * 1000),
		});
		await answer.arrayBuffer();
		const msg = `${answer.status} - ${answer.statusText}`;
		return isAccepted(answer.status, monitor.accepted_statuscodes)
			? [Status.up, msg, Date.now() - started]
			: [Status.down, `Request failed with status code ${answer.status}`, null];
	} catch (error) {
		const { message, cause } = error as Error;
		return [
			Status.down,
			cause instanceof Error ? cause.message : message,
			null,
		];
	}
}

function isAccepted(status: number, accepted: unknown): boolean {
	return (accepted as string[]).some((range) => {
		const [from, until = from] = range.split("-").map(Number);
		return status >= (from ?? 0) && status <= (until ?? 0);
	});
}

async function tell(
	given: Record<string, unknown>,
	monitor: Monitor,
	beat: Beat,
): Promise<void> {
	const sign = beat.status === Status.up ? "✅ Up" : "🔴 Down";
	const msg = `[${monitor.name}] [${sign}] ${beat.msg}`;
	if (given.type === "webhook") {
		await fetch(String(given.webhookURL), {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify({ heartbeat: beat, monitor, msg }),
		});
		return;
	}
	const transport = createTransport({
		host: String(given.smtpHost),
		port: Number(given.smtpPort),
		secure: Boolean(given.smtpSecure),
		...(given.smtpUsername
			? {
					auth: {
						user: String(given.smtpUsername),
						pass: String(given.smtpPassword),
					},
				}
			: {}),
	});
	await transport.sendMail({
		from: String(given.smtpFrom),
		to: String(given.smtpTo),
		subject: msg,
		text: `${msg}\nTime (UTC): ${beat.time}`,
	});
}
