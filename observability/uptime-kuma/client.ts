import { Agent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { LookupFunction } from "node:net";
import { rootCertificates } from "node:tls";
import { io, type Socket } from "socket.io-client";
import { http } from "../../cutover/http";

/** Where Uptime Kuma answers, and what stands before it. */
export interface KumaAddress {
	/** Scheme, host and port, for instance https://status.example.com. */
	url: string;
	/** Connects here instead of where the name points, as curl --resolve does. */
	address?: string | undefined;
	/** PEM of a further authority to trust. */
	ca?: string | undefined;
	/** Sent with every request: a proxy's own log-in. */
	authorization?: string | undefined;
}

/** What the server pushes to whoever has logged in, by event; ids are the keys. */
interface Lists {
	monitorList: Record<string, KumaMonitor>;
	maintenanceList: Record<string, KumaMaintenance>;
	notificationList: KumaNotification[];
}

export interface KumaMonitor extends Record<string, unknown> {
	id: number;
	name: string;
	description: string | null;
	type: string;
	active: boolean;
	notificationIDList: Record<string, boolean>;
}

export interface KumaNotification {
	id: number;
	name: string;
	/** JSON of all that was saved. */
	config: string;
}

export interface KumaMaintenance extends Record<string, unknown> {
	id: number;
	title: string;
	description: string;
	/** inactive, scheduled, under-maintenance, ended. */
	status: string;
	dateRange: (string | null)[];
}

export interface KumaIncident {
	id: number;
	title: string;
	content: string;
	style: string;
	pin: boolean;
	active: boolean;
}

/** The server said no; its word is the message. */
export class KumaError extends Error {}

/** What a call's answer has beside its own fields. */
type Answer = { ok?: boolean; msg?: string } & Record<string, unknown>;

/** Longest wait for one answer; the slowest is a first log-in, which hashes. */
const answerMs = 20_000;

/**
 * A session with Uptime Kuma 2.x, by the socket.io API of its own front end. The
 * server attaches its handlers one by one and answers nothing that comes before
 * `loginRequired`, its last word to a new connection: so `open` waits for that.
 */
export class Kuma {
	readonly #socket: Socket;
	readonly #address: KumaAddress;
	readonly #lists: Partial<Lists> = {};
	#needsSetup = false;

	private constructor(socket: Socket, address: KumaAddress) {
		this.#socket = socket;
		this.#address = address;
		socket.on("setup", () => {
			this.#needsSetup = true;
		});
		for (const event of [
			"monitorList",
			"maintenanceList",
			"notificationList",
		] as const)
			socket.on(event, (list) => {
				this.#lists[event] = list;
			});
	}

	/**
	 * @throws Error where no server answers in time: while its database is not set
	 *   up (UPTIME_KUMA_DB_TYPE) 2.x serves a page, but no socket.io.
	 */
	static async open(address: KumaAddress, timeoutMs = answerMs): Promise<Kuma> {
		const { url, authorization } = address;
		const socket = io(url, {
			transports: ["websocket"],
			autoConnect: false,
			reconnectionDelay: 500,
			reconnectionDelayMax: 2_000,
			...(authorization ? { extraHeaders: { authorization } } : {}),
			// Of the browser's type; the socket takes Node's.
			agent: agent(address) as never,
		});
		const kuma = new Kuma(socket, address);
		await new Promise<void>((resolve, reject) => {
			let reason = "no answer";
			const timer = setTimeout(() => {
				socket.disconnect();
				reject(
					new Error(
						`Uptime Kuma at ${url} did not ask for a log-in within ${timeoutMs / 1000} s: ${reason}`,
					),
				);
			}, timeoutMs);
			socket.on("connect_error", (error) => {
				const { description } = error as { description?: unknown };
				reason =
					description instanceof Object && "message" in description
						? String(description.message)
						: error.message;
			});
			socket.once("loginRequired", () => {
				clearTimeout(timer);
				resolve();
			});
			socket.connect();
		});
		return kuma;
	}

	close(): void {
		this.#socket.disconnect();
	}

	/**
	 * Logs in; on a new server makes this the one administrator first.
	 *
	 * @returns true where the administrator was made.
	 */
	async enter(user: string, password: string): Promise<boolean> {
		const first = this.#needsSetup;
		if (first) await this.call("setup", user, password);
		await this.call("login", { username: user, password, token: "" });
		this.#needsSetup = false;
		return first;
	}

	/** @throws KumaError with the server's words where it refuses. */
	async call(event: string, ...args: unknown[]): Promise<Answer> {
		const answer = (await this.#socket
			.timeout(answerMs)
			.emitWithAck(event, ...args)
			.catch((error: Error) => {
				throw new Error(`Uptime Kuma, ${event}: ${error.message}`);
			})) as Answer;
		if (answer.ok) return answer;
		throw new KumaError(
			`Uptime Kuma refused ${event}: ${answer.msg ?? JSON.stringify(answer)}`,
		);
	}

	async monitors(): Promise<KumaMonitor[]> {
		await this.call("getMonitorList");
		return Object.values(this.#lists.monitorList ?? {});
	}

	async maintenances(): Promise<KumaMaintenance[]> {
		await this.call("getMaintenanceList");
		return Object.values(this.#lists.maintenanceList ?? {});
	}

	/** As of the log-in, or of the last change of one: there is no call for them. */
	notifications(): KumaNotification[] {
		return this.#lists.notificationList ?? [];
	}

	/** The page's settings, or undefined where there is none. */
	async statusPage(slug: string): Promise<Record<string, unknown> | undefined> {
		try {
			const { config } = await this.call("getStatusPage", slug);
			return config as Record<string, unknown>;
		} catch (error) {
			if (error instanceof KumaError) return undefined;
			throw error;
		}
	}

	/** The latest of a page's incidents, resolved ones too, newest first. */
	async incidents(slug: string): Promise<KumaIncident[]> {
		const { incidents } = await this.call("getIncidentHistory", slug, null);
		return incidents as KumaIncident[];
	}

	/**
	 * What the public API says, as a visitor gets it: up to 5 minutes old.
	 *
	 * @returns undefined where there is nothing.
	 */
	async get<T>(path: string): Promise<T | undefined> {
		const { url, address, ca, authorization } = this.#address;
		const answer = await http(`${url}${path}`, {
			...(address ? { address } : {}),
			...(ca ? { ca } : {}),
			...(authorization ? { headers: { authorization } } : {}),
		});
		if (answer.status === 200) return JSON.parse(answer.body) as T;
		if (answer.status === 404) return undefined;
		throw new Error(`Uptime Kuma answered ${answer.status} to ${path}`);
	}
}

function agent({ url, address, ca }: KumaAddress) {
	const options = {
		...(ca ? { ca: [...rootCertificates, ca] } : {}),
		...(address
			? {
					lookup: ((_name, { all }, done) =>
						all
							? done(null, [{ address, family: 4 }])
							: done(null, address, 4)) as LookupFunction,
				}
			: {}),
	};
	return url.startsWith("https:")
		? new HttpsAgent(options)
		: new Agent(options);
}
