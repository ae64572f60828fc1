import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Pool } from "pg";
import { type Authority, createAuthority } from "../../authority";
import {
	type Place,
	removeContainer,
	runContainer,
	untilReady,
} from "./container";
import { closeServer, type HttpPeer, listen, serve } from "./http";
import { type Answer, legacyAnswer, UPLINK_PATH } from "./legacy-function";

/** Forwards the ports of web servers from an address of its own to this process. */
const FORWARDER_IMAGE = "node:20-bookworm-slim";
const FORWARDER = `
const net = require("node:net");
for (const pair of process.argv.slice(1)) {
	const [port, host, target] = pair.split(":");
	net.createServer((inside) => {
		const outside = net.connect(Number(target), host);
		inside.pipe(outside).pipe(inside);
		inside.on("error", () => outside.destroy());
		outside.on("error", () => inside.destroy());
	}).listen(Number(port));
}`;
const START_TIMEOUT_MS = 30_000;

export interface LegacyOptions {
	/** Where the old system's address is. */
	place: Place;
	/** Address of this host that the place reaches. */
	gateway: string;
	/** Names that the old system answers to by HTTPS. */
	names: string[];
	source: { url: string; ca: string };
}

export interface Legacy {
	/** Path of the function that takes TTN's uplinks. */
	uplinkPath: string;
	/** PEM of the CA of its certificate. */
	ca: string;
	close(): Promise<void>;
}

/** The old system at an address of its own, by HTTP and HTTPS: see legacyAnswer. */
export async function startLegacy(options: LegacyOptions): Promise<Legacy> {
	const authority = await createAuthority("Old system's CA (stand-in)");
	const sourceUrl = new URL(options.source.url);
	sourceUrl.search = "";
	const pool = new Pool({
		connectionString: sourceUrl.href,
		ssl: { ca: options.source.ca },
		max: 4,
	});
	// A broken idle connection is replaced at the next query.
	pool.on("error", () => {});
	const closers: (() => Promise<unknown>)[] = [() => pool.end()];
	const close = async () => {
		for (const closer of closers.splice(0).reverse()) await closer();
	};
	try {
		const answer = legacyAnswer(pool);
		const plain = await serve(options.gateway, answer);
		closers.push(() => plain.close());
		const secure = await serveSecure(options, authority, answer);
		closers.push(() => secure.close());
		const forwarder = await runContainer(options.place, {
			name: "legacy",
			image: FORWARDER_IMAGE,
			command: [
				"node",
				"-e",
				FORWARDER,
				`80:${options.gateway}:${plain.port}`,
				`443:${options.gateway}:${secure.port}`,
			],
		});
		closers.push(() => removeContainer(forwarder));
		await untilReady(
			forwarder,
			"the old system's address",
			START_TIMEOUT_MS,
			async () => {
				const answered = await fetch(`http://${options.place.address}/`, {
					signal: AbortSignal.timeout(2000),
				});
				if (!answered.ok) throw new Error(`it answered ${answered.status}`);
			},
		);
		return {
			uplinkPath: UPLINK_PATH,
			ca: authority.certificate,
			close,
		};
	} catch (error) {
		await close();
		throw error;
	}
}

async function serveSecure(
	options: LegacyOptions,
	authority: Authority,
	answer: Answer,
): Promise<Pick<HttpPeer, "port" | "close">> {
	const { certificate, key } = await authority.issue([
		...options.names,
		options.place.address,
	]);
	const server = createTlsServer(
		{ cert: certificate, key },
		(request, response) => void answer(request, response),
	);
	await listen(server, options.gateway);
	return {
		port: (server.address() as AddressInfo).port,
		close: () => closeServer(server),
	};
}
