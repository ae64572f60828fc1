import type pg from "pg";
import type { Limits } from "./excursion";

/** A unit as the evaluation of a reading needs it. */
export interface Unit {
	id: string;
	name: string;
	areaId: string;
	siteId: string;
	organizationId: string;
	/** Whether its last reading was outside the limits. */
	inExcursion: boolean;
	lastReadingAt: Date | null;
	limits: Limits;
}

interface UnitRow {
	id: string;
	name: string;
	area_id: string;
	site_id: string;
	organization_id: string;
	in_excursion: boolean;
	last_reading_at: Date | null;
	high: number;
	low: number | null;
	hysteresis: number;
	confirm_minutes: number;
}

/**
 * Reads a unit with the rule that holds for it (its own, else its site's, else
 * its organization's) and locks it, so that two readings of a unit are judged
 * one after the other.
 */
export async function lockUnit(
	database: pg.ClientBase,
	id: string,
): Promise<Unit> {
	const { rows } = await database.query<UnitRow>(
		`SELECT units.id, units.name, units.area_id, areas.site_id,
			sites.organization_id, units.last_reading_at,
			units.status IN ('excursion', 'alarm_active') AS in_excursion,
			units.temp_limit_high::float8 AS high,
			units.temp_limit_low::float8 AS low,
			units.temp_hysteresis::float8 AS hysteresis,
			coalesce(rule.excursion_confirm_minutes_door_closed, 10) AS confirm_minutes
		FROM units
		JOIN areas ON areas.id = units.area_id
		JOIN sites ON sites.id = areas.site_id
		LEFT JOIN LATERAL (
			SELECT excursion_confirm_minutes_door_closed FROM alert_rules
			WHERE alert_rules.unit_id = units.id
				OR (alert_rules.unit_id IS NULL AND alert_rules.site_id = sites.id)
				OR (alert_rules.unit_id IS NULL AND alert_rules.site_id IS NULL
					AND alert_rules.organization_id = sites.organization_id)
			ORDER BY alert_rules.unit_id NULLS LAST, alert_rules.site_id NULLS LAST
			LIMIT 1
		) AS rule ON true
		WHERE units.id = $1
		FOR UPDATE OF units`,
		[id],
	);
	const row = rows[0];
	if (row === undefined) {
		throw new Error(`unit ${id} has gone`);
	}
	return {
		id: row.id,
		name: row.name,
		areaId: row.area_id,
		siteId: row.site_id,
		organizationId: row.organization_id,
		inExcursion: row.in_excursion,
		lastReadingAt: row.last_reading_at,
		limits: {
			high: row.high,
			low: row.low ?? undefined,
			hysteresis: row.hysteresis,
			confirmMinutes: row.confirm_minutes,
		},
	};
}
