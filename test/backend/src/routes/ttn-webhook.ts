import type { FastifyInstance } from "fastify";
import type pg from "pg";
import { transaction } from "../database";
import { ApiError, checked } from "../errors";
import { ingest } from "../ingest";
import type { Metrics } from "../metrics";
import { measurementOf, uplinkSchema } from "../uplink";
import { organizationOf } from "../webhook-secret";

export interface WebhookSources {
	pool: pg.Pool;
	metrics: Pick<Metrics, "readingsIngested" | "alertsTriggered">;
	/** Told of every stored reading. */
	onReading(): void;
}

/**
 * POST /api/webhooks/ttn: an uplink of The Things Stack, with the organization's
 * secret in X-API-Key or X-Webhook-Secret. Whose secret it is decides whose
 * sensors it may write for: another organization's device is an unknown one.
 */
export function ttnWebhookRoute(
	app: FastifyInstance,
	{ pool, metrics, onReading }: WebhookSources,
): void {
	app.post("/api/webhooks/ttn", async (request) => {
		const secret =
			request.headers["x-api-key"] ?? request.headers["x-webhook-secret"];
		if (typeof secret !== "string" || secret === "") {
			throw new ApiError(
				401,
				"UNAUTHORIZED",
				"This needs the webhook secret, as X-API-Key or X-Webhook-Secret.",
			);
		}
		const organizationId = await organizationOf(pool, secret);
		const measurement = measurementOf(checked(uplinkSchema, request.body));
		const { readingId, alertsTriggered, stored } = await transaction(
			pool,
			(client) => ingest(client, organizationId, measurement),
		);
		if (stored) {
			metrics.readingsIngested.inc();
			metrics.alertsTriggered.inc(alertsTriggered);
			onReading();
		}
		return {
			success: true,
			message: stored ? "Reading stored." : "This reading had been stored.",
			readingId,
			alertsTriggered,
		};
	});
}
