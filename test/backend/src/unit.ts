import type pg from "pg";
import type { Limits } from "./excursion";
import type { TempUnit } from "./temperature";

/** Degrees of whichever unit, as the product has it: the schema holds no own one. */
const HYSTERESIS = 0.5;

/** A unit as the evaluation of a reading needs it. */
export interface Unit {
	id: string;
	/** In which its readings and limits are. */
	tempUnit: TempUnit;
	/** Whether its last reading was outside the limits. */
	inExcursion: boolean;
	lastReadingAt: Date | null;
	/** The rule that holds for it, if any. */
	ruleId: string | null;
	limits: Limits;
}

type UnitRow = Omit<Unit, "limits"> & Omit<Limits, "hysteresis">;

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
		`SELECT units.id, units.temp_unit AS "tempUnit",
			units.status IN ('excursion', 'alarm_active') AS "inExcursion",
			units.last_reading_at AS "lastReadingAt",
			rule.id AS "ruleId",
			coalesce(rule.temp_max, units.temp_max) / 10.0::float8 AS high,
			coalesce(rule.temp_min, units.temp_min) / 10.0::float8 AS low,
			coalesce(rule.delay_minutes, 10) AS "confirmMinutes"
		FROM units
		JOIN areas ON areas.id = units.area_id
		JOIN sites ON sites.id = areas.site_id
		LEFT JOIN LATERAL (
			SELECT id, temp_min, temp_max, delay_minutes FROM alert_rules
			WHERE alert_rules.organization_id = sites.organization_id
				AND alert_rules.alert_type = 'alarm_active' AND alert_rules.is_enabled
				AND (alert_rules.unit_id = units.id
					OR (alert_rules.unit_id IS NULL AND alert_rules.site_id = sites.id)
					OR (alert_rules.unit_id IS NULL AND alert_rules.site_id IS NULL))
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
	const { high, low, confirmMinutes, ...unit } = row;
	return {
		...unit,
		limits: {
			high,
			low,
			hysteresis: HYSTERESIS,
			confirmMinutes,
		},
	};
}
