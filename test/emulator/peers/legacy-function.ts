import type { IncomingMessage, ServerResponse } from "node:http";
import type { Pool } from "pg";
import { z } from "zod";
import { readBody } from "./http";

/** Where the function that takes TTN's uplinks is. */
export const UPLINK_PATH = "/functions/v1/ttn-webhook";

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

export type Answer = (
	request: IncomingMessage,
	response: ServerResponse,
) => Promise<void>;

const PAGE = `<!doctype html><html lang="en"><title>FreshTrack (old system, stand-in)</title>
<h1>FreshTrack</h1><p>The old system on Supabase. Stand-in of the rehearsal.</p></html>`;

/**
 * Stand-in for the old system's front end and its edge function that takes TTN's
 * uplinks: it writes readings into the source, so that data keeps changing until
 * the source is frozen. Unknown devices get 202, as there. An uplink that comes
 * twice is stored twice: nothing says that the real one drops doubles.
 */
export function legacyAnswer(pool: Pool): Answer {
	return (request, response) =>
		handle(pool, request, response).catch((error: unknown) =>
			fail(response, error),
		);
}

async function handle(
	pool: Pool,
	request: IncomingMessage,
	response: ServerResponse,
): Promise<void> {
	const path = new URL(request.url ?? "/", "http://legacy").pathname;
	if (path !== UPLINK_PATH) {
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
