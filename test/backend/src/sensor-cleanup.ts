import type pg from "pg";

/** Five times the five minutes in which a sensor is expected to report. */
const SILENCE_MINUTES = 25;

/**
 * Marks devices inactive and units offline that have been silent for too long.
 * Stands for the product's job `process-sensor-cleanup`, which runs each minute.
 * Safe on several replicas: the second finds nothing left to change.
 * @returns how many devices and units that were
 */
export async function markSilentOffline(
	pool: pg.Pool,
): Promise<{ devices: number; units: number }> {
	const devices = await pool.query(
		`UPDATE devices SET status = 'inactive', updated_at = now()
		WHERE is_active AND status = 'active'
			AND last_seen_at < now() - make_interval(mins => $1)`,
		[SILENCE_MINUTES],
	);
	const units = await pool.query(
		`UPDATE units SET status = 'offline', updated_at = now()
		WHERE is_active AND status IN ('ok', 'restoring')
			AND last_reading_at < now() - make_interval(mins => $1)`,
		[SILENCE_MINUTES],
	);
	return { devices: devices.rowCount ?? 0, units: units.rowCount ?? 0 };
}
