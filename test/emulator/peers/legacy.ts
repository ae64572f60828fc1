import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Pool } from "pg";
import { z } from "zod";
import { type Authority, createAuthority } from "../../authority";
import {
	type Place,
	removeContainer,
	runContainer,
	untilReady,
} from "./container";
import { closeServer, type HttpPeer, listen, readBody, serve } from "./http";

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

const uplink = z.object({
	end_device_ids: z.object({ dev_eui: z.string() }),
	uplink_message: z.object({
		f_port: z.number().optional(),
		decoded_payload: z
			.object({
				temperature: z.number().optional(),
				humidity: z.number().optional(),
			})
			.optional(),
		received_at: z.string().optional(),
	}),
});

type Answer = (
	request: IncomingMessage,
	response: ServerResponse,
) => Promise<void>;

const PAGE = `<!doctype html><html lang="en"><title>FreshTrack (old system, stand-in)</title>
<h1>FreshTrack</h1><p>The old system on Supabase. Stand-in of the rehearsal.</p></html>`;

/**
 * Stand-in for the old system's front end and its edge function that takes TTN's
 * uplinks: it writes readings into the source, so that data keeps changing until
 * the source is frozen. Unknown devices get 202, as there.
 */
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
		const answer: Answer = (request, response) =>
			handle(pool, request, response).catch((error: unknown) =>
				fail(response, error),
			);
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
			uplinkPath: "/functions/v1/ttn-webhook",
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

async function handle(
	pool: Pool,
	request: IncomingMessage,
	response: ServerResponse,
): Promise<void> {
	const path = new URL(request.url ?? "/", "http://legacy").pathname;
	if (path !== "/functions/v1/ttn-webhook") {
		response.writeHead(200, {
			"content-type": "text/html; charset=utf-8",
			"x-served-by": "legacy",
		});
		response.end(PAGE);
		return;
	}
	const { status, body } = await takeUplink(pool, request);
	response.writeHead(status, {
		"content-type": "application/json",
		"x-served-by": "legacy",
	});
	response.end(JSON.stringify(body));
}

async function takeUplink(
	pool: Pool,
	request: IncomingMessage,
): Promise<{ status: number; body: unknown }> {
	if (request.method !== "POST")
		return { status: 405, body: { error: "method not allowed" } };
	const secret =
		request.headers["x-webhook-secret"] ?? request.headers["x-downlink-apikey"];
	const parsed = uplink.safeParse(json(await readBody(request)));
	if (!parsed.success) return { status: 400, body: { error: "no uplink" } };
	const { end_device_ids: ids, uplink_message: message } = parsed.data;
	const { rows: connections } = await pool.query<{ organization_id: string }>(
		"SELECT organization_id FROM ttn_connections WHERE ttn_webhook_secret_encrypted = $1",
		[secret ?? ""],
	);
	const organizationId = connections[0]?.organization_id;
	if (!organizationId) return { status: 401, body: { error: "unauthorized" } };
	const { rows: sensors } = await pool.query<{
		id: string;
		unit_id: string | null;
	}>(
		`SELECT id, unit_id FROM lora_sensors
		WHERE dev_eui = upper($1) AND organization_id = $2 AND deleted_at IS NULL`,
		[ids.dev_eui, organizationId],
	);
	const sensor = sensors[0];
	if (!sensor?.unit_id)
		return {
			status: 202,
			body: { accepted: true, processed: false, reason: "unknown device" },
		};
	const { rows: readings } = await pool.query<{ id: string }>(
		`INSERT INTO sensor_readings (
			unit_id, lora_sensor_id, temperature, humidity, f_port, source, recorded_at, network_decoded_payload
		) VALUES ($1, $2, $3, $4, $5, 'ttn', $6, $7) RETURNING id`,
		[
			sensor.unit_id,
			sensor.id,
			message.decoded_payload?.temperature,
			message.decoded_payload?.humidity,
			message.f_port,
			message.received_at ?? new Date().toISOString(),
			JSON.stringify(message.decoded_payload ?? null),
		],
	);
	return { status: 200, body: { success: true, readingId: readings[0]?.id } };
}

function json(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

/** The write barrier of a cutover, or a database that is gone: TTN hears 503. */
function fail(response: ServerResponse, error: unknown): void {
	if (!response.headersSent)
		response.writeHead(503, { "content-type": "application/json" });
	response.end(
		JSON.stringify({
			error: error instanceof Error ? error.message : String(error),
		}),
	);
}
