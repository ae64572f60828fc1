import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { rootCertificates } from "node:tls";

export interface HttpOptions {
	method?: string;
	headers?: Record<string, string>;
	/** Sent as JSON. */
	json?: unknown;
	/** Connects here instead of where the name points, as curl --resolve does. */
	address?: string;
	/** PEM of further authorities to trust. */
	ca?: string;
	/** Default 10 s. */
	timeoutMs?: number;
}

export interface HttpAnswer {
	status: number;
	headers: Record<string, string | string[] | undefined>;
	body: string;
}

/**
 * One HTTP request, with certificates fully verified for the name in the URL
 * also when another address is asked. Rejects when no answer comes.
 */
export function http(
	url: string,
	options: HttpOptions = {},
): Promise<HttpAnswer> {
	const target = new URL(url);
	const secure = target.protocol === "https:";
	const body =
		options.json === undefined ? undefined : JSON.stringify(options.json);
	const { address } = options;
	const lookup: LookupFunction | undefined = address
		? (_name, { all }, done) =>
				all ? done(null, [{ address, family: 4 }]) : done(null, address, 4)
		: undefined;
	return new Promise((resolve, reject) => {
		const outgoing = (secure ? httpsRequest : httpRequest)(
			target,
			{
				method: options.method ?? (body === undefined ? "GET" : "POST"),
				headers: {
					...(body === undefined
						? {}
						: {
								"content-type": "application/json",
								"content-length": Buffer.byteLength(body),
							}),
					...options.headers,
				},
				agent: false,
				lookup,
				timeout: options.timeoutMs ?? 10_000,
				...(secure && options.ca
					? { ca: [...rootCertificates, options.ca] }
					: {}),
			},
			(answer) => {
				const chunks: Buffer[] = [];
				answer.on("data", (chunk: Buffer) => chunks.push(chunk));
				answer.on("error", reject);
				answer.on("end", () =>
					resolve({
						status: answer.statusCode ?? 0,
						headers: answer.headers,
						body: Buffer.concat(chunks).toString(),
					}),
				);
			},
		);
		outgoing.on("timeout", () =>
			outgoing.destroy(new Error(`${url}: no answer in time`)),
		);
		outgoing.on("error", (error) =>
			reject(new Error(`${url}: ${error.message}`)),
		);
		outgoing.end(body);
	});
}

/** The header's value for a log-in by HTTP Basic (RFC 7617). */
export function basicAuthorization(user: string, password: string): string {
	return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

/** CUTOVER_CA_FILE names a PEM to trust besides the public authorities. */
export function trustedRoot(): string | undefined {
	const file = process.env.CUTOVER_CA_FILE;
	return file ? readFileSync(file, "utf8") : undefined;
}
