import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";

/** Milliseconds after which a connection that does not come, or a query that does not end, is an error. */
const CONNECT_TIMEOUT_MS = 5_000;
const QUERY_TIMEOUT_MS = 15_000;

/**
 * Opens the pool that all requests of a replica share. TLS follows the URL:
 * with `sslmode=verify-full&sslrootcert=FILE` the server's certificate must
 * chain to FILE and carry the host's name, else no connection is made.
 */
export function openPool(
	url: string,
	size: number,
	onIdleError: (error: Error) => void,
): pg.Pool {
	const pool = new pg.Pool({
		connectionString: url,
		max: size,
		application_name: "backend",
		connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
		query_timeout: QUERY_TIMEOUT_MS,
		idleTimeoutMillis: 30_000,
		keepAlive: true,
	});
	// An idle connection that the server closes (failover, maintenance) must not
	// end the process: the pool replaces it with the next request.
	pool.on("error", onIdleError);
	return pool;
}

/**
 * Waits until the database answers and holds the schema, so that a replica with
 * a wrong address, certificate or password never becomes healthy and an update
 * is rolled back, while an outage later on does not make the engine kill it.
 * @throws the last error once `timeoutMs` have passed, any once `signal` is aborted
 */
export async function waitForSchema(
	pool: pg.Pool,
	timeoutMs: number,
	signal: AbortSignal,
	onRetry: (error: Error) => void,
): Promise<void> {
	const deadline = Date.now() + timeoutMs;
	for (;;) {
		try {
			const { rows } = await pool.query<{ present: boolean }>(
				"SELECT to_regclass('public.sensor_readings') IS NOT NULL AS present",
			);
			if (rows[0]?.present) {
				return;
			}
			throw new Error("the schema is missing: run `node server.js migrate`");
		} catch (error) {
			if (signal.aborted || Date.now() >= deadline) {
				throw error;
			}
			onRetry(error as Error);
			await delay(500, undefined, { signal });
		}
	}
}

/** Runs `work` in one transaction: committed when it returns, rolled back when it throws. */
export async function transaction<Result>(
	pool: pg.Pool,
	work: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
	const client = await pool.connect();
	let broken: Error | undefined;
	try {
		await client.query("BEGIN");
		const result = await work(client);
		await client.query("COMMIT");
		return result;
	} catch (error) {
		await client.query("ROLLBACK").catch((rollbackError: Error) => {
			broken = rollbackError;
		});
		throw error;
	} finally {
		// A connection that cannot even roll back is thrown away, not lent again.
		client.release(broken);
	}
}
