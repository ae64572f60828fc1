import { request } from "node:https";
import { createAuthority } from "../../authority";
import {
	type Place,
	removeContainer,
	runContainer,
	untilReady,
} from "./container";

const IMAGE = "cutover/pebble:latest";
const START_TIMEOUT_MS = 30_000;

export interface Acme {
	/** https://ADDRESS:14000/dir */
	directoryUrl: string;
	/** PEM of the CA of the ACME server's own API. */
	ca: string;
	/** PEM of the root that issued certificates chain to; new at every start. */
	root: string;
	close(): Promise<void>;
}

/**
 * Let's Encrypt's test server Pebble in place of Let's Encrypt. It validates by
 * the given name server, HTTP-01 on port 80, TLS-ALPN-01 on 443, and DNS-01.
 *
 * @param validitySeconds of the certificates; 90 days where not given.
 */
export async function startAcme(
	place: Place,
	resolver: string,
	validitySeconds?: number,
): Promise<Acme> {
	const authority = await createAuthority("ACME API CA (stand-in)");
	const server = await authority.issue([place.address, "acme.emulator.test"]);
	const container = await runContainer(place, {
		name: "acme",
		image: IMAGE,
		environment: {
			SERVER_CERTIFICATE: server.certificate,
			SERVER_KEY: server.key,
			RESOLVER: resolver,
			...(validitySeconds ? { VALIDITY_SECONDS: String(validitySeconds) } : {}),
		},
	});
	try {
		const root = await untilReady(
			container,
			"the ACME server",
			START_TIMEOUT_MS,
			() =>
				get(`https://${place.address}:15000/roots/0`, authority.certificate),
		);
		return {
			directoryUrl: `https://${place.address}:14000/dir`,
			ca: authority.certificate,
			root,
			close: () => removeContainer(container),
		};
	} catch (error) {
		await removeContainer(container);
		throw error;
	}
}

function get(url: string, ca: string): Promise<string> {
	return new Promise((resolve, reject) => {
		const call = request(
			url,
			{ ca, agent: false, timeout: 2000 },
			(response) => {
				let text = "";
				response.setEncoding("utf8");
				response.on("data", (chunk: string) => {
					text += chunk;
				});
				response.on("end", () =>
					response.statusCode === 200
						? resolve(text)
						: reject(new Error(`${url} answered ${response.statusCode}`)),
				);
			},
		);
		call.on("timeout", () => call.destroy(new Error(`${url} did not answer`)));
		call.on("error", reject);
		call.end();
	});
}
