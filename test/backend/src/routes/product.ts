import type { FastifyInstance } from "fastify";
import type pg from "pg";
import { z } from "zod";
import type { Authenticate } from "../access-token";
import { ApiError, checked } from "../errors";
import { requireProfile, rolesOf } from "../profile";
import { listAlerts, listReadings, listUnits } from "../queries";

const limit = (most: number, fallback: number) =>
	z.coerce.number().int().min(1).max(most).default(fallback);

const readingsQuerySchema = z.strictObject({
	limit: limit(1000, 100),
	before: z.iso.datetime({ offset: true }).optional(),
});

const alertsQuerySchema = z.strictObject({
	limit: limit(500, 50),
	status: z
		.enum(["active", "acknowledged", "resolved", "escalated"])
		.optional(),
});

const unitParamsSchema = z.object({ id: z.uuid() });

/** What a logged-in user sees: always their own organization's, nothing else's. */
export function productRoutes(
	app: FastifyInstance,
	{ pool, authenticate }: { pool: pg.Pool; authenticate: Authenticate },
): void {
	app.get("/api/me", async (request) => {
		const userId = await authenticate(request);
		const profile = await requireProfile(pool, userId);
		const roles = await rolesOf(pool, userId, profile.organizationId);
		return { ...profile, roles };
	});

	app.get("/api/units", async (request) => {
		const userId = await authenticate(request);
		const { organizationId } = await requireProfile(pool, userId);
		return { units: await listUnits(pool, organizationId) };
	});

	app.get("/api/units/:id/readings", async (request) => {
		const userId = await authenticate(request);
		const { id } = checked(unitParamsSchema, request.params);
		const { limit, before } = checked(readingsQuerySchema, request.query);
		const { organizationId } = await requireProfile(pool, userId);
		const readings = await listReadings(pool, organizationId, id, {
			limit,
			before,
		});
		if (readings === undefined) {
			throw new ApiError(404, "UNKNOWN_UNIT", `There is no unit ${id}.`);
		}
		const last = readings.at(-1);
		return {
			readings,
			/** Pass as `before` for the next page; null at the end. */
			nextBefore:
				last !== undefined && readings.length >= limit ? last.recordedAt : null,
		};
	});

	app.get("/api/alerts", async (request) => {
		const userId = await authenticate(request);
		const { limit, status } = checked(alertsQuerySchema, request.query);
		const { organizationId } = await requireProfile(pool, userId);
		return {
			alerts: await listAlerts(pool, organizationId, { limit, status }),
		};
	});
}
