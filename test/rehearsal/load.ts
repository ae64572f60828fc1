import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import type { LookupFunction } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { rootCertificates } from "node:tls";
import { z } from "zod";
import type { Credentials } from "../../cutover/checks/completion";

/** Longer than Caddy looks for an upstream that answers (10 s). */
const TIMEOUT_MS = 20_000;
/** How many failures are kept in words. */
const EXAMPLES = 10;
/** People log in anew each so many rounds: a log-in costs the machine a bcrypt. */
const ROUNDS_PER_LOG_IN = 20;

export type Kind = "page" | "log-in" | "history" | "health";

export interface LoadOptions {
	/** How many there are at once; every other one keeps its connections open. */
	people: number;
	/** Of each of them between two requests, milliseconds. */
	pauseMs: number;
	hostnames: { site: string; api: string };
	/** Where a name leads at this moment; asked for each new connection. */
	resolve(name: string): Promise<string>;
	/** PEM of the authorities that the names' certificates chain to. */
	ca: string;
	logIn: Credentials;
}

export interface LoadCounts {
	sent: number;
	ok: Partial<Record<Kind, number>>;
	/** No answer, or one of 400 and up. */
	failed: Partial<Record<Kind, number>>;
	/** Answers of 500 and up, by the address that gave them. */
	serverErrors: Record<string, number>;
	/** Answers by the address that gave them. */
	answered: Record<string, number>;
	/** Sent again because the server had closed the idle connection, as browsers do. */
	repeated: number;
	slowestMs: number;
	/** The first failures in words. */
	examples: string[];
}

/** What is read of answers; the old system answers pages to everything. */
const loggedIn = z.object({ accessToken: z.string() });
const unitList = z.object({ units: z.array(z.object({ id: z.string() })) });

/**
 * Simulated users of the product: each loads the page, asks for the health, logs
 * in now and then and looks at units and their history, until it is stopped.
 */
export class Load {
	readonly counts: LoadCounts = {
		...{ sent: 0, ok: {}, failed: {}, serverErrors: {}, answered: {} },
		...{ repeated: 0, slowestMs: 0, examples: [] },
	};
	readonly #options: LoadOptions;
	readonly #people: Promise<void>[];
	#running = true;

	constructor(options: LoadOptions) {
		this.#options = options;
		this.#people = Array.from({ length: options.people }, (_, number) =>
			this.#person(number),
		);
	}

	/** Waits until so many requests have been sent in all. */
	async reach(sent: number): Promise<void> {
		while (this.counts.sent < sent) await delay(50);
	}

	/** Lets everybody finish what is on the way. */
	async stop(): Promise<LoadCounts> {
		this.#running = false;
		await Promise.all(this.#people);
		return this.counts;
	}

	async #person(number: number): Promise<void> {
		const { hostnames, logIn } = this.#options;
		const ca = [...rootCertificates, this.#options.ca];
		const agent =
			number % 2 === 0
				? new Agent({ ca, keepAlive: true, maxSockets: 1 })
				: new Agent({ ca, maxCachedSessions: 0 });
		const get = (kind: Kind, host: string, path: string, token?: string) =>
			this.#ask(agent, kind, new URL(`https://${host}${path}`), { token });
		let token: string | undefined;
		// Not all log in at the same moment.
		for (let round = number; this.#running; round++) {
			await get("page", hostnames.site, "/");
			await get("health", hostnames.api, "/health");
			if (!token || round % ROUNDS_PER_LOG_IN === 0) {
				const url = new URL(`https://${hostnames.api}/api/auth/login`);
				const body = await this.#ask(agent, "log-in", url, { json: logIn });
				token = read(loggedIn, body)?.accessToken;
			}
			if (!token) continue;
			const units = await get("history", hostnames.api, "/api/units", token);
			const [unit] = read(unitList, units)?.units ?? [];
			if (!unit) continue;
			const path = `/api/units/${unit.id}/readings?limit=100`;
			await get("history", hostnames.api, path, token);
		}
		agent.destroy();
	}

	/** @returns the body, empty where the request failed. */
	async #ask(
		agent: Agent,
		kind: Kind,
		url: URL,
		message: { json?: unknown; token?: string },
	): Promise<string> {
		const { counts } = this;
		const begun = Date.now();
		counts.sent++;
		try {
			const { status, address, body } = await this.#send(agent, url, message);
			add(counts.answered, address);
			if (status >= 500) add(counts.serverErrors, address);
			if (status >= 400) throw new Error(`${status} from ${address} ${body}`);
			add(counts.ok, kind);
			return body;
		} catch (error) {
			add(counts.failed, kind);
			if (counts.examples.length < EXAMPLES) {
				counts.examples.push(
					`${new Date(begun).toISOString()} ${kind} ${url.href} after ${Date.now() - begun} ms: ${(error as Error).message}`,
				);
			}
			return "";
		} finally {
			counts.slowestMs = Math.max(counts.slowestMs, Date.now() - begun);
			await delay(this.#options.pauseMs);
		}
	}

	async #send(
		agent: Agent,
		url: URL,
		message: { json?: unknown; token?: string },
	): Promise<{ status: number; address: string; body: string }> {
		const outgoing = request(url, {
			agent,
			lookup: this.#lookup,
			signal: AbortSignal.timeout(TIMEOUT_MS),
			method: message.json === undefined ? "GET" : "POST",
			headers: {
				...(message.json === undefined
					? {}
					: { "content-type": "application/json" }),
				...(message.token ? { authorization: `Bearer ${message.token}` } : {}),
			},
		});
		// One that comes after the answer began is the answer's, too.
		outgoing.on("error", () => undefined);
		outgoing.end(
			message.json === undefined ? undefined : JSON.stringify(message.json),
		);
		try {
			const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
			const address = answer.socket.remoteAddress ?? "";
			const chunks: Buffer[] = [];
			for await (const chunk of answer) chunks.push(chunk as Buffer);
			return {
				status: answer.statusCode ?? 0,
				address,
				body: Buffer.concat(chunks).toString(),
			};
		} catch (error) {
			// RFC 9112, 9.3.1: a client may repeat what an idle connection swallowed.
			const closed = (error as NodeJS.ErrnoException).code === "ECONNRESET";
			if (!closed || !outgoing.reusedSocket || message.json !== undefined)
				throw error;
			this.counts.repeated++;
			return this.#send(agent, url, message);
		}
	}

	readonly #lookup: LookupFunction = (name, { all }, done) => {
		this.#options.resolve(name).then(
			(address) =>
				all ? done(null, [{ address, family: 4 }]) : done(null, address, 4),
			(error: NodeJS.ErrnoException) => done(error, ""),
		);
	};
}

/**
 * Where names lead, as users' machines know it: asked of a name server, and not
 * again before the answer's TTL is over.
 *
 * @param server ip:port
 * @param longestSeconds a cap on the TTL, where nobody wants to wait for it.
 */
export function cachingResolver(
	server: string,
	longestSeconds = Number.POSITIVE_INFINITY,
): (name: string) => Promise<string> {
	const resolver = new Resolver({ timeout: 2_000, tries: 3 });
	resolver.setServers([server]);
	const known = new Map<string, { address: string; until: number }>();
	return async (name) => {
		const kept = known.get(name);
		if (kept && kept.until > Date.now()) return kept.address;
		const [answer] = await resolver.resolve4(name, { ttl: true });
		if (!answer) throw new Error(`${name} has no address`);
		const seconds = Math.min(answer.ttl, longestSeconds);
		known.set(name, {
			address: answer.address,
			until: Date.now() + seconds * 1000,
		});
		return answer.address;
	};
}

function add<Key extends string>(
	counts: Partial<Record<Key, number>>,
	key: Key,
): void {
	counts[key] = (counts[key] ?? 0) + 1;
}

function read<Schema extends z.ZodType>(
	schema: Schema,
	body: string,
): z.output<Schema> | undefined {
	try {
		return schema.parse(JSON.parse(body));
	} catch {
		return undefined;
	}
}
