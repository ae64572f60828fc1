import type pg from "pg";
import type { TempUnit } from "./temperature";

/** Absolute zero in tenths of a degree. A limit below it says that there is none. */
const ABSOLUTE_ZERO = "CASE units.temp_unit WHEN 'F' THEN -4597 ELSE -2732 END";

/** Temperatures and limits are in degrees of `tempUnit`. */
export interface UnitSummary {
	id: string;
	name: string;
	unitType: string;
	status: string;
	site: string;
	area: string;
	tempUnit: TempUnit;
	limitHigh: number;
	limitLow: number | null;
	lastTemperature: number | null;
	lastReadingAt: Date | null;
}

/** An organization's units with the newest reading of each: those that report first, then by site, area and name. */
export async function listUnits(
	pool: pg.Pool,
	organizationId: string | null,
): Promise<UnitSummary[]> {
	const { rows } = await pool.query<UnitSummary>(
		`SELECT units.id, units.name, units.unit_type AS "unitType", units.status,
			sites.name AS site, areas.name AS area,
			units.temp_unit AS "tempUnit",
			units.temp_max / 10.0::float8 AS "limitHigh",
			CASE WHEN units.temp_min > ${ABSOLUTE_ZERO} THEN units.temp_min / 10.0::float8 END AS "limitLow",
			newest.temperature::float8 AS "lastTemperature",
			newest.recorded_at AS "lastReadingAt"
		FROM units
		JOIN areas ON areas.id = units.area_id AND areas.is_active
		JOIN sites ON sites.id = areas.site_id AND sites.is_active
		LEFT JOIN LATERAL (
			SELECT temperature, recorded_at FROM sensor_readings
			WHERE unit_id = units.id
			ORDER BY recorded_at DESC LIMIT 1
		) AS newest ON true
		WHERE sites.organization_id = $1 AND units.is_active
		ORDER BY newest.recorded_at IS NULL, sites.name, areas.sort_order, areas.name, units.sort_order, units.name, units.id`,
		[organizationId],
	);
	return rows;
}

/** Its temperature is in degrees of its unit's `tempUnit`. */
export interface Reading {
	id: string;
	temperature: number;
	humidity: number | null;
	recordedAt: Date;
}

/**
 * A unit's newest readings, newest first, older than `before` if given. A page
 * ends with all readings of its last instant (so it may be longer than `limit`):
 * several sensors of a unit often share one, and none may fall between pages.
 * @returns undefined when the organization has no such unit
 */
export async function listReadings(
	pool: pg.Pool,
	organizationId: string | null,
	unitId: string,
	page: { limit: number; before: string | undefined },
): Promise<Reading[] | undefined> {
	const unit = await pool.query(
		`SELECT FROM units
		JOIN areas ON areas.id = units.area_id
		JOIN sites ON sites.id = areas.site_id
		WHERE units.id = $1 AND sites.organization_id = $2 AND units.is_active`,
		[unitId, organizationId],
	);
	if (unit.rowCount === 0) {
		return undefined;
	}
	const { rows } = await pool.query<Reading>(
		`SELECT id, temperature::float8, humidity::float8,
			recorded_at AS "recordedAt"
		FROM sensor_readings
		WHERE unit_id = $1 AND recorded_at < coalesce($2::timestamptz, 'infinity')
		ORDER BY recorded_at DESC
		FETCH FIRST $3 ROWS WITH TIES`,
		[unitId, page.before, page.limit],
	);
	return rows;
}

/** Its temperature is in degrees of its unit's `tempUnit`. */
export interface AlertSummary {
	id: string;
	unitId: string;
	unit: string;
	message: string | null;
	alertType: string;
	severity: string;
	status: string;
	tempUnit: TempUnit;
	temperature: number | null;
	/** The limit that was passed: max or min. */
	thresholdViolated: string | null;
	triggeredAt: Date;
	resolvedAt: Date | null;
}

/** An organization's alerts, newest first. */
export async function listAlerts(
	pool: pg.Pool,
	organizationId: string | null,
	filter: { limit: number; status: string | undefined },
): Promise<AlertSummary[]> {
	const { rows } = await pool.query<AlertSummary>(
		`SELECT alerts.id, alerts.unit_id AS "unitId", units.name AS unit,
			alerts.message, alerts.alert_type AS "alertType",
			alerts.severity, alerts.status, units.temp_unit AS "tempUnit",
			alerts.trigger_temperature / 10.0::float8 AS temperature,
			alerts.threshold_violated AS "thresholdViolated",
			alerts.triggered_at AS "triggeredAt",
			alerts.resolved_at AS "resolvedAt"
		FROM alerts
		JOIN units ON units.id = alerts.unit_id
		JOIN areas ON areas.id = units.area_id
		JOIN sites ON sites.id = areas.site_id
		WHERE sites.organization_id = $1
			AND ($2::alert_status IS NULL OR alerts.status = $2)
		ORDER BY alerts.triggered_at DESC, alerts.id
		LIMIT $3`,
		[organizationId, filter.status, filter.limit],
	);
	return rows;
}
