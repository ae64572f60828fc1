import cors from "@fastify/cors";
import fastify, { type FastifyInstance } from "fastify";
import type pg from "pg";
import { createAuthenticate } from "./access-token";
import { answerErrors } from "./errors";
import { logOptions, logRequests } from "./log";
import { createMetrics, measureRequests } from "./metrics";
import { healthRoutes } from "./routes/health";
import { loginRoutes } from "./routes/login";
import { productRoutes } from "./routes/product";
import { ttnWebhookRoute } from "./routes/ttn-webhook";
import { schedule } from "./schedule";
import { markSilentOffline } from "./sensor-cleanup";
import type { Settings } from "./settings";
import { StackAuth } from "./stack-auth";

/**
 * Longer than Caddy keeps an idle connection to an upstream (2 min by default):
 * were it shorter, Caddy could send a request into a connection that is being
 * closed, and a POST would fail.
 */
const KEEP_ALIVE_MS = 130_000;

/** Sensors are judged silent only by a replica that heard another one within this time. */
const HEARD_WITHIN_MS = 15 * 60_000;

/** A replica, ready to listen. */
export interface Backend {
	app: FastifyInstance;
	/** From now on the replica is not ready and asks its clients to reconnect elsewhere. */
	beginStop(): void;
}

/**
 * The reference backend: it stands for FreshTrack's real one in rehearsals and
 * keeps its contract, not its whole function. Closing `app` finishes the
 * requests in flight and the running job; the pool stays the caller's.
 * @param logStream where log lines go, standard output if not given
 */
export async function createBackend(
	settings: Settings,
	pool: pg.Pool,
	logStream?: { write(line: string): void },
): Promise<Backend> {
	const app = fastify({
		...logOptions(settings, logStream),
		// Caddy stands before it; without it, the addresses in the log were Caddy's.
		trustProxy: "loopback, linklocal, uniquelocal",
		keepAliveTimeout: KEEP_ALIVE_MS,
		// Requests that arrive while the server closes are answered, not refused.
		return503OnClosing: false,
	});

	let stopping = false;
	// As the answer goes out, not as the request comes in: one in flight counts too,
	// or its connection would stay open and hold up the end.
	app.addHook("onSend", async (_request, reply) => {
		if (stopping) {
			reply.header("connection", "close");
		}
	});
	logRequests(app);
	answerErrors(app);

	// The site's pages may call everything; a status page of any origin may ask for the health.
	const site = settings.SITE_ORIGIN === undefined ? [] : [settings.SITE_ORIGIN];
	await app.register(cors, {
		delegator: (request, callback) =>
			callback(null, {
				origin: request.url?.startsWith("/health") ? "*" : site,
				maxAge: 600,
			}),
	});

	const metrics = createMetrics(pool);
	measureRequests(app, metrics);

	let heardAt: number | undefined;
	const interval = settings.SENSOR_CLEANUP_INTERVAL_SECONDS * 1000;
	const cleanup = schedule(
		"sensor-cleanup",
		interval,
		async () => {
			// Before the switch no uplink comes here, and after it an outage of the
			// network is no fault of the sensors. Then nothing is written either: what
			// was copied from the old system stays equal to it.
			if (heardAt === undefined || Date.now() - heardAt > HEARD_WITHIN_MS) {
				return { skipped: "no sensor is heard" };
			}
			return markSilentOffline(pool);
		},
		app.log,
		(at) => metrics.jobLastSuccess.set({ job: "sensor-cleanup" }, at / 1000),
	);
	const startedAt = Date.now();
	app.addHook("onClose", () => cleanup.stop());

	healthRoutes(app, {
		pool,
		settings,
		jobsOnTime: () =>
			Date.now() - (cleanup.lastSuccess ?? startedAt) < 3 * interval,
		stopping: () => stopping,
	});
	loginRoutes(app, {
		pool,
		stackAuth: new StackAuth(settings),
		metrics,
		siteOrigin: settings.SITE_ORIGIN,
	});
	productRoutes(app, { pool, authenticate: createAuthenticate(settings) });
	ttnWebhookRoute(app, {
		pool,
		metrics,
		onReading: () => {
			heardAt = Date.now();
		},
	});

	return {
		app,
		beginStop: () => {
			stopping = true;
		},
	};
}
