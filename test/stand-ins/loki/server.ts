import {
	createServer,
	type IncomingMessage,
	type Server,
	type ServerResponse,
} from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import {
	indexStats,
	labels,
	labelValues,
	type Parameters,
	query,
	queryRange,
	series,
} from "./answers";
import type { Config } from "./config";
import { admit, fromOtlp, readPush } from "./ingest";
import type { Journal } from "./journal";
import { QueryError } from "./logql/tree";
import { createMetrics, tenant } from "./metrics";
import { decodeJson, decodeProtobuf } from "./otlp";
import { type Push, Store } from "./store";

/** What this one calls itself. */
export const version = "3.5.8-stand-in";

const unzip = promisify(gunzip);
/** Larger pushes are refused, as by Loki's own limit. */
const mostBytes = 4 * 1024 * 1024;

class Refusal extends Error {
	constructor(
		readonly status: number,
		message: string,
	) {
		super(message);
	}
}

interface Answer {
	status: number;
	type?: string;
	body?: string;
}

export interface LokiOptions {
	config: Config;
	/** Without one, everything is forgotten at the end. */
	journal?: Journal;
	maxBytes: number;
	/** Unix milliseconds; default the machine's clock. */
	now?: () => number;
}

/** A stand-in for Loki's HTTP API: grafana.com/docs/loki/latest/reference/loki-http-api */
export class Loki {
	readonly server: Server;
	readonly store: Store;
	private readonly metrics;
	private readonly now: () => number;

	constructor(private readonly options: LokiOptions) {
		this.now = options.now ?? Date.now;
		this.store = new Store(options.maxBytes, options.journal);
		this.metrics = createMetrics(version, () => this.store.streamCount);
		this.server = createServer((request, response) => {
			void this.handle(request, response);
		});
	}

	/** The compactor's work: lines older than the retention are gone, on disk as well. */
	compact(): void {
		const { compactor, limits_config } = this.options.config;
		if (!compactor.retention_enabled || limits_config.retention_period === 0)
			return;
		this.store.forgetBefore(
			BigInt(this.now() - limits_config.retention_period) * 1_000_000n,
		);
	}

	private async handle(
		request: IncomingMessage,
		response: ServerResponse,
	): Promise<void> {
		const { method = "GET", url = "/" } = request;
		const { pathname, searchParams } = new URL(url, "http://loki");
		const done = this.metrics.requests.startTimer({
			method,
			route: pathname.replaceAll("/", "_").replace(/^_/, ""),
		});
		const { status, type, body } = await this.answer(
			request,
			method,
			pathname,
			searchParams,
		).catch(failure);
		done({ status_code: status });
		response.writeHead(status, type ? { "content-type": type } : {}).end(body);
	}

	private async answer(
		request: IncomingMessage,
		method: string,
		path: string,
		parameters: Parameters,
	): Promise<Answer> {
		const { config } = this.options;
		const now = BigInt(this.now()) * 1_000_000n;
		if (method === "POST" && path === "/loki/api/v1/push")
			return this.take(readPushBody(await bodyOf(request), request));
		if (method === "POST" && path === "/otlp/v1/logs")
			return this.take(
				fromOtlp(readOtlpBody(await bodyOf(request), request), config),
			);
		if (method === "GET" && path === "/ready")
			return { status: 200, type: "text/plain", body: "ready\n" };
		if (method === "GET" && path === "/metrics")
			return {
				status: 200,
				type: this.metrics.registry.contentType,
				body: await this.metrics.registry.metrics(),
			};
		if (method === "GET" && path === "/loki/api/v1/status/buildinfo")
			return json({ version, revision: "stand-in", branch: "stand-in" });
		const read = this.reader(path, now);
		if (!read || (method !== "GET" && method !== "POST"))
			throw new Refusal(
				404,
				`${method} ${path} is not part of this stand-in for Loki`,
			);
		const form = method === "POST" ? (await bodyOf(request)).toString() : "";
		for (const [name, value] of new URLSearchParams(form))
			parameters.append(name, value);
		return json(read(parameters));
	}

	/** What answers a path that only reads. */
	private reader(
		path: string,
		now: bigint,
	): ((parameters: Parameters) => object) | undefined {
		const { store } = this;
		const { config } = this.options;
		const [, name] =
			/^\/loki\/api\/v1\/label\/([^/]+)\/values$/.exec(path) ?? [];
		if (name)
			return (parameters) =>
				success(labelValues(decodeURIComponent(name), parameters, store, now));
		switch (path) {
			case "/loki/api/v1/query":
				return (parameters) =>
					success(withStats(query(parameters, store, config, now)));
			case "/loki/api/v1/query_range":
				return (parameters) =>
					success(withStats(queryRange(parameters, store, config, now)));
			case "/loki/api/v1/labels":
				return (parameters) => success(labels(parameters, store, now));
			case "/loki/api/v1/series":
				return (parameters) => success(series(parameters, store, now));
			case "/loki/api/v1/index/stats":
				return (parameters) => indexStats(parameters, store, now);
			default:
				return undefined;
		}
	}

	private take(offered: Push[]): Answer {
		const { pushes, refused } = admit(offered, this.options.config, this.now());
		try {
			this.store.push(pushes);
		} catch (error) {
			// A full disk: whoever pushes is to come again.
			throw new Refusal(503, (error as Error).message);
		}
		for (const { line } of pushes.flatMap(({ entries }) => entries)) {
			this.metrics.lines.inc({ tenant });
			this.metrics.bytes.inc({ tenant }, Buffer.byteLength(line));
		}
		for (const { reason } of refused)
			this.metrics.discarded.inc({ tenant, reason });
		if (refused[0]) throw new Refusal(400, refused[0].message);
		return { status: 204 };
	}
}

function failure(error: Error): Answer {
	const type = "text/plain; charset=utf-8";
	if (error instanceof QueryError)
		return { status: 400, type, body: error.message };
	if (error instanceof Refusal)
		return { status: error.status, type, body: error.message };
	console.error(
		JSON.stringify({ level: "error", msg: "request failed", err: error.stack }),
	);
	return { status: 500, type, body: error.message };
}

function json(value: object): Answer {
	return {
		status: 200,
		type: "application/json; charset=UTF-8",
		body: JSON.stringify(value),
	};
}

function success(data: unknown): object {
	return { status: "success", data };
}

function withStats(data: object): object {
	return { ...data, stats: { summary: {}, querier: {}, ingester: {} } };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	const body = Buffer.concat(chunks);
	if (body.length > mostBytes) throw new Refusal(413, "request body too large");
	const encoding = request.headers["content-encoding"] ?? "identity";
	if (encoding === "identity") return body;
	if (encoding !== "gzip")
		throw new Refusal(415, `content-encoding ${encoding} is not supported`);
	return unzip(body, { maxOutputLength: 8 * mostBytes });
}

function readPushBody(body: Buffer, request: IncomingMessage): Push[] {
	const type = mediaType(request);
	if (type !== "application/json")
		throw new Refusal(
			415,
			`stand-in: a push of type ${type} is not supported by this stand-in for Loki; send JSON`,
		);
	return reading(() => readPush(body.toString()));
}

function readOtlpBody(body: Buffer, request: IncomingMessage) {
	const type = mediaType(request);
	if (type === "application/x-protobuf")
		return reading(() => decodeProtobuf(body));
	if (type === "application/json")
		return reading(() => decodeJson(body.toString()));
	throw new Refusal(415, `content type: ${type} is not supported`);
}

function reading<T>(read: () => T): T {
	try {
		return read();
	} catch (error) {
		throw new Refusal(400, (error as Error).message);
	}
}

function mediaType(request: IncomingMessage): string {
	return (request.headers["content-type"] ?? "").split(";")[0]?.trim() ?? "";
}
