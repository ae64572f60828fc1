import { Resolver } from "node:dns/promises";
import * as http from "node:http";
import * as https from "node:https";
import { isIP, type LookupFunction } from "node:net";

/** How the outside world finds and trusts the hosts of the rehearsal. */
export interface OutgoingHttp {
	/** Name server, ip:port. */
	resolver: string;
	/** Roots that certificates may chain to; asked for each time, since they may come later. */
	roots: () => string[];
}

export interface Outcome {
	status: number;
	body: string;
	/** The address that the name resolved to. */
	address: string;
}

const TIMEOUT_MS = 20_000;

/** Posts JSON to a host by the given name server and roots, following no redirect. */
export function postJson(
	url: URL,
	headers: Record<string, string>,
	body: unknown,
	outgoing: OutgoingHttp,
): Promise<Outcome> {
	const text = JSON.stringify(body);
	const secure = url.protocol === "https:";
	return new Promise((resolve, reject) => {
		const request = (secure ? https : http).request(
			url,
			{
				method: "POST",
				headers: {
					...headers,
					"content-type": "application/json",
					"content-length": Buffer.byteLength(text),
				},
				lookup: lookupBy(outgoing.resolver),
				agent: false,
				timeout: TIMEOUT_MS,
				...(secure ? { ca: outgoing.roots() } : {}),
			},
			(response) => {
				const chunks: Buffer[] = [];
				response.on("data", (chunk: Buffer) => chunks.push(chunk));
				response.on("error", reject);
				response.on("end", () =>
					resolve({
						status: response.statusCode ?? 0,
						body: Buffer.concat(chunks).toString("utf8"),
						address: response.socket.remoteAddress ?? "",
					}),
				);
			},
		);
		request.on("timeout", () =>
			request.destroy(
				new Error(`${url.host} did not answer within ${TIMEOUT_MS / 1000} s`),
			),
		);
		request.on("error", reject);
		request.end(text);
	});
}

function lookupBy(server: string): LookupFunction {
	const resolver = new Resolver({ timeout: 2000, tries: 2 });
	resolver.setServers([server]);
	return (hostname, options, callback) => {
		const found = (address: string) =>
			options.all
				? callback(null, [{ address, family: 4 }])
				: callback(null, address, 4);
		if (isIP(hostname)) return found(hostname);
		resolver.resolve4(hostname).then(
			([address]) =>
				address
					? found(address)
					: callback(new Error(`${hostname} has no address`), ""),
			(error: NodeJS.ErrnoException) => callback(error, ""),
		);
	};
}
