import type pg from "pg";
import { type Decision, decide, type OpenAlert } from "./excursion";
import type { Unit } from "./unit";

/**
 * Holds the newest reading of a unit against its limits and raises, sharpens or
 * ends the unit's temperature alert; the unit's own state follows.
 * @returns how many alerts were raised
 */
export async function evaluateReading(
	database: pg.ClientBase,
	unit: Unit,
	devEui: string,
	temperature: number,
	at: Date,
): Promise<number> {
	// Alerts stay open until a person closes them. One of an earlier excursion,
	// which ended with a reading inside the limits, must not hide a new one.
	const open = unit.inExcursion
		? await openAlert(database, unit.id)
		: undefined;
	const decision = decide(temperature, at, unit.limits, open);
	switch (decision.action) {
		case "raise":
			await raise(database, unit, devEui, temperature, at, decision);
			break;
		case "escalate":
			await database.query(
				`UPDATE alerts SET severity = 'critical', status = 'escalated',
					escalation_level = escalation_level + 1, temp_reading = $2
				WHERE id = $1`,
				[open?.id, temperature],
			);
			break;
		case "resolve":
			await database.query(
				`UPDATE alerts SET status = 'resolved', resolved_at = $2, resolution_type = 'auto'
				WHERE id = $1`,
				[open?.id, at],
			);
			break;
	}
	await updateUnit(database, unit.id, temperature, at, decision, open);
	return decision.action === "raise" ? 1 : 0;
}

async function openAlert(
	database: pg.ClientBase,
	unitId: string,
): Promise<OpenAlert | undefined> {
	const { rows } = await database.query<OpenAlert>(
		`SELECT id, severity, triggered_at AS "triggeredAt" FROM alerts
		WHERE unit_id = $1 AND alert_type = 'temp_excursion' AND status <> 'resolved'
		ORDER BY triggered_at DESC LIMIT 1`,
		[unitId],
	);
	return rows[0];
}

async function raise(
	database: pg.ClientBase,
	unit: Unit,
	devEui: string,
	temperature: number,
	at: Date,
	{ limit, side }: Extract<Decision, { action: "raise" }>,
): Promise<void> {
	await database.query(
		`INSERT INTO alerts (
			organization_id, site_id, area_id, unit_id, title, message, alert_type,
			severity, source, sensor_dev_eui, temp_limit, temp_reading,
			triggered_at, first_active_at
		) VALUES ($1, $2, $3, $4, $5, $6, 'temp_excursion', 'warning', 'sensor', $7, $8, $9, $10, $10)`,
		[
			unit.organizationId,
			unit.siteId,
			unit.areaId,
			unit.id,
			`${unit.name}: temperature ${side} limit`,
			`${temperature} is ${side} the limit of ${limit}.`,
			devEui,
			limit,
			temperature,
			at,
		],
	);
}

async function updateUnit(
	database: pg.ClientBase,
	unitId: string,
	temperature: number,
	at: Date,
	{ action }: Decision,
	open: OpenAlert | undefined,
): Promise<void> {
	const critical = action === "escalate" || open?.severity === "critical";
	const status =
		action === "resolve" || (action === "none" && open === undefined)
			? "ok"
			: critical
				? "alarm_active"
				: "excursion";
	await database.query(
		`UPDATE units SET last_temp_reading = $2, last_reading_at = $3, last_checkin_at = now(),
			last_status_change = CASE WHEN status = $4 THEN last_status_change ELSE now() END,
			status = $4
		WHERE id = $1`,
		[unitId, temperature, at, status],
	);
}
