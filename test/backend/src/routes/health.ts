import { performance } from "node:perf_hooks";
import type { FastifyInstance } from "fastify";
import type pg from "pg";
import type { Settings } from "../settings";

/** After this long without answer, the database counts as failed. */
const DATABASE_TIMEOUT_MS = 3_000;

export interface HealthSources {
	pool: pg.Pool;
	settings: Pick<Settings, "VERSION" | "ENVIRONMENT">;
	/** False once a scheduled job is overdue: worth a look, no reason to take the replica out. */
	jobsOnTime(): boolean;
	/** True once the replica has begun to stop. */
	stopping(): boolean;
}

interface Check {
	status: "healthy" | "unhealthy";
	latency_ms: number;
}

/**
 * GET /health for people and monitors, /health/ready for load balancers,
 * /health/live for the engine. Only a failed database makes /health 503; a
 * stopping replica is live but no longer ready.
 */
export function healthRoutes(
	app: FastifyInstance,
	{ pool, settings, jobsOnTime, stopping }: HealthSources,
): void {
	// Asked every few seconds by several monitors: no log line each.
	const quiet = { logLevel: "warn" } as const;

	app.get("/health", quiet, async (request, reply) => {
		const database = await checkDatabase(
			pool,
			request.log.warn.bind(request.log),
		);
		const jobs = jobsOnTime();
		reply.code(database.status === "healthy" ? 200 : 503);
		return {
			status:
				database.status === "unhealthy"
					? "unhealthy"
					: jobs
						? "healthy"
						: "degraded",
			uptime: process.uptime(),
			timestamp: new Date().toISOString(),
			version: settings.VERSION,
			environment: settings.ENVIRONMENT,
			checks: {
				database,
				scheduled_jobs: { status: jobs ? "healthy" : "degraded" },
			},
		};
	});

	app.get("/health/ready", quiet, async (request, reply) => {
		const database = await checkDatabase(
			pool,
			request.log.warn.bind(request.log),
		);
		const ready = database.status === "healthy" && !stopping();
		reply.code(ready ? 200 : 503);
		return { ready };
	});

	app.get("/health/live", quiet, async () => ({ live: true }));
}

async function checkDatabase(
	pool: pg.Pool,
	warn: (detail: object, message: string) => void,
): Promise<Check> {
	const startedAt = performance.now();
	const latency = () => Math.round((performance.now() - startedAt) * 10) / 10;
	let timer: NodeJS.Timeout | undefined;
	try {
		await Promise.race([
			pool.query("SELECT 1"),
			new Promise((_resolve, reject) => {
				timer = setTimeout(
					() => reject(new Error(`no answer in ${DATABASE_TIMEOUT_MS} ms`)),
					DATABASE_TIMEOUT_MS,
				);
			}),
		]);
		return { status: "healthy", latency_ms: latency() };
	} catch (error) {
		warn({ err: error }, "the database does not answer");
		return { status: "unhealthy", latency_ms: latency() };
	} finally {
		clearTimeout(timer);
	}
}
