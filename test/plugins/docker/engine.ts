import { Agent, type IncomingMessage, request } from "node:http";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { requireLocal } from "../base/local-endpoint";
import { SshSocket, sshCommand } from "./ssh-socket";

/** The newest version of the API that this client knows. */
const NEWEST_API = "1.47";
const DEFAULT_HOST = "unix:///var/run/docker.sock";

/**
 * Connections to one engine at a time. sshd drops some of more than ten that
 * log in at once (MaxStartups), so stay well below.
 */
const CONNECTIONS = 4;

export interface EngineConfiguration {
	host?: string;
	sshOpts?: string[];
}

/** An error answer of the engine, worded as docker's own client words it. */
export class EngineError extends Error {
	readonly status: number;
	constructor(reason: string, status: number) {
		super(`Error response from daemon: ${reason}`);
		this.status = status;
	}
}

/** Sockets to an engine, each made by `dial`. */
class DialingAgent extends Agent {
	constructor(private readonly dial: () => Duplex) {
		super({ keepAlive: true, maxSockets: CONNECTIONS });
	}
	override createConnection(): Socket {
		// Node's HTTP client needs a Duplex; only the types ask for more.
		return this.dial() as Socket;
	}
}

/** A client of the Docker Engine's API. */
export class Engine {
	readonly host: string;
	private readonly agent: Agent;
	private version: Promise<string> | undefined;

	/** @throws Error for a host that is no unix://, tcp:// or ssh:// address */
	constructor(configuration: EngineConfiguration) {
		this.host = configuration.host || process.env.DOCKER_HOST || DEFAULT_HOST;
		this.agent = new DialingAgent(
			dialer(this.host, configuration.sshOpts ?? []),
		);
	}

	get<T>(path: string): Promise<T> {
		return this.call<T>("GET", path);
	}

	/** Undefined where the engine answers 404. */
	async find<T>(path: string): Promise<T | undefined> {
		try {
			return await this.get<T>(path);
		} catch (error) {
			if (isNotFound(error)) {
				return undefined;
			}
			throw error;
		}
	}

	post<T>(
		path: string,
		body?: unknown,
		headers: Record<string, string> = {},
	): Promise<T> {
		return this.call<T>("POST", path, body, headers);
	}

	delete(path: string): Promise<void> {
		return this.call<void>("DELETE", path);
	}

	/** @throws EngineError for every answer that is not 2xx */
	private async call<T>(
		method: string,
		path: string,
		body?: unknown,
		headers: Record<string, string> = {},
	): Promise<T> {
		this.version ??= this.negotiate();
		const version = await this.version;
		const answer = await this.send(
			method,
			`/v${version}${path}`,
			body,
			headers,
		);
		return parse(answer) as T;
	}

	/** The newest API version that both sides know. */
	private async negotiate(): Promise<string> {
		await requireLocalHost(this.host);
		try {
			const { headers } = await this.send("GET", "/_ping");
			const offered = String(headers["api-version"] ?? NEWEST_API);
			return minor(offered) < minor(NEWEST_API) ? offered : NEWEST_API;
		} catch (error) {
			this.version = undefined;
			throw new Error(
				`Error pinging Docker server, please make sure that ${this.host} is reachable and has a  '_ping' endpoint. Error: ${error instanceof Error ? error.message : error}`,
			);
		}
	}

	private send(
		method: string,
		path: string,
		body?: unknown,
		extraHeaders: Record<string, string> = {},
	): Promise<{ headers: IncomingMessage["headers"]; text: string }> {
		const payload = body === undefined ? undefined : JSON.stringify(body);
		return new Promise((resolve, reject) => {
			const outgoing = request(
				{
					method,
					path,
					agent: this.agent,
					headers: {
						host: "docker",
						...extraHeaders,
						...(payload === undefined
							? { "content-length": 0 }
							: {
									"content-type": "application/json",
									"content-length": Buffer.byteLength(payload),
								}),
					},
				},
				(response) => {
					const chunks: Buffer[] = [];
					response.on("data", (chunk: Buffer) => chunks.push(chunk));
					response.on("error", reject);
					response.on("end", () => {
						const text = Buffer.concat(chunks).toString();
						const status = response.statusCode ?? 0;
						if (status >= 200 && status < 300) {
							resolve({ headers: response.headers, text });
						} else {
							reject(new EngineError(reasonOf(text), status));
						}
					});
				},
			);
			outgoing.on("error", reject);
			outgoing.end(payload);
		});
	}
}

export function isNotFound(error: unknown): boolean {
	return error instanceof EngineError && error.status === 404;
}

function dialer(host: string, sshOptions: readonly string[]): () => Duplex {
	const url = new URL(host);
	switch (url.protocol) {
		case "unix:":
			return () => connect({ path: url.pathname });
		case "tcp:":
		case "http:":
			return () =>
				connect({ host: url.hostname, port: Number(url.port || 2375) });
		case "ssh:": {
			const command = sshCommand(url, sshOptions);
			return () => new SshSocket(command);
		}
		default:
			throw new Error(`unable to parse docker host \`${host}\``);
	}
}

async function requireLocalHost(host: string): Promise<void> {
	const url = new URL(host);
	if (url.protocol !== "unix:") {
		await requireLocal(url.hostname, "the Docker engine");
	}
}

function minor(version: string): number {
	return Number(version.split(".")[1]);
}

function reasonOf(text: string): string {
	try {
		return (JSON.parse(text) as { message: string }).message;
	} catch {
		return text.trim();
	}
}

/** Some answers are a line of JSON for each step; the last one counts. */
function parse({ text }: { text: string }): unknown {
	const trimmed = text.trim();
	if (trimmed === "") {
		return undefined;
	}
	try {
		return JSON.parse(trimmed);
	} catch {
		return JSON.parse(trimmed.split("\n").at(-1) ?? "null");
	}
}
