import type pg from "pg";

/**
 * Marks sensors and units offline that have been silent for too long: five
 * expected intervals of the rule that holds for the unit, as the rules' default
 * says. Stands for the product's job `process-sensor-cleanup`, which runs each
 * minute. Safe on several replicas: the second finds nothing left to change.
 * @returns how many sensors and units went offline
 */
export async function markSilentOffline(
	pool: pg.Pool,
): Promise<{ sensors: number; units: number }> {
	const sensors = await pool.query(
		`UPDATE lora_sensors SET status = 'offline', updated_at = now()
		FROM organizations
		LEFT JOIN LATERAL (${silenceOf("organizations.id")}) AS rule ON true
		WHERE organizations.id = lora_sensors.organization_id
			AND lora_sensors.deleted_at IS NULL
			AND lora_sensors.status = 'active'
			AND lora_sensors.last_seen_at < now() - coalesce(rule.silence, interval '25 minutes')`,
	);
	const units = await pool.query(
		`UPDATE units SET status = 'offline', last_status_change = now(), updated_at = now()
		FROM areas
		JOIN sites ON sites.id = areas.site_id
		LEFT JOIN LATERAL (${silenceOf("sites.organization_id")}) AS rule ON true
		WHERE areas.id = units.area_id
			AND units.deleted_at IS NULL
			AND units.status IN ('ok', 'restoring')
			AND units.last_reading_at < now() - coalesce(rule.silence, interval '25 minutes')`,
	);
	return { sensors: sensors.rowCount ?? 0, units: units.rowCount ?? 0 };
}

/** The organization's own rule; those of single sites and units are left to the real job. */
function silenceOf(organization: string): string {
	return `SELECT make_interval(secs => expected_reading_interval_seconds * offline_critical_missed_checkins) AS silence
		FROM alert_rules
		WHERE alert_rules.organization_id = ${organization}
			AND alert_rules.site_id IS NULL AND alert_rules.unit_id IS NULL
		LIMIT 1`;
}
