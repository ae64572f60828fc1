import { setTimeout as delay } from "node:timers/promises";
import { requireLocal } from "../base/local-endpoint";

/** Defaults of the official provider (terraform-provider-digitalocean, provider.go). */
const DEFAULT_ENDPOINT = "https://api.digitalocean.com";
const DEFAULT_RETRIES = 4;
/**
 * Between two tries. The official provider waits 1 to 30 s, doubling; the
 * only server that this one speaks to is on this machine.
 */
const RETRY_WAIT_MS = 100;
const PER_PAGE = 200;

/** An error answer of the API, worded as godo words it. */
export class ApiError extends Error {
	readonly status: number;
	/** The API's own words, without method and address. */
	readonly reason: string;
	constructor(message: string, status: number, reason: string) {
		super(message);
		this.status = status;
		this.reason = reason;
	}
}

export interface ApiConfiguration {
	token?: string;
	apiEndpoint?: string;
	httpRetryMax?: number;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

interface ErrorBody {
	id?: string;
	message?: string;
	request_id?: string;
}

/** A client of DigitalOcean's API, version 2. */
export class Api {
	private readonly endpoint: string;
	private readonly token: string;
	private readonly retries: number;
	private checked: Promise<void> | undefined;

	constructor(configuration: ApiConfiguration) {
		const { env } = process;
		this.endpoint =
			configuration.apiEndpoint || env.DIGITALOCEAN_API_URL || DEFAULT_ENDPOINT;
		this.token =
			configuration.token ||
			env.DIGITALOCEAN_TOKEN ||
			env.DIGITALOCEAN_ACCESS_TOKEN ||
			"";
		this.retries = configuration.httpRetryMax ?? DEFAULT_RETRIES;
	}

	get<T>(path: string): Promise<T> {
		return this.request<T>("GET", path);
	}

	/** Undefined where the API answers 404. */
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

	/** All items of a list, page after page. `key` names the list in the answer. */
	async list<T>(path: string, key: string): Promise<T[]> {
		const items: T[] = [];
		for (let page = 1; ; page++) {
			const answer = await this.get<
				Record<string, T[] | undefined> & {
					links?: { pages?: { next?: string } };
				}
			>(`${path}?page=${page}&per_page=${PER_PAGE}`);
			items.push(...(answer[key] ?? []));
			if (answer.links?.pages?.next === undefined) {
				return items;
			}
		}
	}

	/**
	 * One request. Answers 429 and 5xx are tried again, as godo does.
	 *
	 * @param path from the root: `/v2/vpcs`
	 * @throws ApiError for every answer that is not 2xx
	 */
	async request<T>(method: Method, path: string, body?: unknown): Promise<T> {
		const url = new URL(path, this.endpoint);
		this.checked ??= requireLocal(url.hostname, "the DigitalOcean API");
		await this.checked;
		for (let attempt = 0; ; attempt++) {
			const response = await this.send(method, url, body);
			const retryable =
				response.status === 429 ||
				(response.status >= 500 && response.status !== 501);
			if (retryable && attempt < this.retries) {
				await response.arrayBuffer();
				await delay(retryDelay(response, attempt));
				continue;
			}
			const text = await response.text();
			if (!response.ok) {
				throw apiError(method, url, response, text, attempt + 1);
			}
			return (text === "" ? undefined : JSON.parse(text)) as T;
		}
	}

	private async send(
		method: Method,
		url: URL,
		body: unknown,
	): Promise<Response> {
		try {
			return await fetch(url, {
				method,
				headers: {
					accept: "application/json",
					authorization: `Bearer ${this.token}`,
					"user-agent": "pulumi-resource-digitalocean (stand-in)",
					...(body === undefined ? {} : { "content-type": "application/json" }),
				},
				...(body === undefined ? {} : { body: JSON.stringify(body) }),
			});
		} catch (error) {
			const cause = error instanceof Error ? (error.cause ?? error) : error;
			throw new Error(
				`${method} ${url}: ${cause instanceof Error ? cause.message : cause}`,
			);
		}
	}
}

/** Milliseconds; the API says after a 429 how long to wait. */
function retryDelay(response: Response, attempt: number): number {
	const seconds = Number(response.headers.get("retry-after"));
	return seconds > 0 ? seconds * 1_000 : RETRY_WAIT_MS * 2 ** attempt;
}

/** The wording of godo's ErrorResponse.Error(). */
function apiError(
	method: Method,
	url: URL,
	response: Response,
	text: string,
	attempts: number,
): ApiError {
	let body: ErrorBody = {};
	try {
		body = JSON.parse(text) as ErrorBody;
	} catch {
		body = { message: text };
	}
	const request = body.request_id ?? response.headers.get("x-request-id");
	const reason = body.message ?? "";
	const parts = [
		`${method} ${url}: ${response.status}`,
		...(request ? [`(request "${request}")`] : []),
		reason,
	];
	const message =
		attempts > 1
			? `${parts.join(" ")}; giving up after ${attempts} attempt(s)`
			: parts.join(" ");
	return new ApiError(message, response.status, reason);
}

export function isNotFound(error: unknown): boolean {
	return error instanceof ApiError && error.status === 404;
}

/**
 * Puts the official provider's words before an error: "Error creating VPC: …".
 */
export async function during<T>(what: string, action: Promise<T>): Promise<T> {
	try {
		return await action;
	} catch (error) {
		throw new Error(
			`${what}: ${error instanceof Error ? error.message : String(error)}`,
			{ cause: error },
		);
	}
}
