import type pg from "pg";
import { type Decision, decide, type OpenAlert } from "./excursion";
import { toTenths } from "./temperature";
import type { Unit } from "./unit";

/**
 * Holds the newest reading of a unit against its limits and raises, sharpens or
 * ends the unit's temperature alert; the unit's own state follows.
 * @param temperature in degrees of the unit's temperature unit
 * @returns how many alerts were raised
 */
export async function evaluateReading(
	database: pg.ClientBase,
	unit: Unit,
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
			await raise(database, unit, temperature, at, decision);
			break;
		case "escalate":
			await database.query(
				`UPDATE alerts SET severity = 'critical', status = 'escalated', escalated_at = $3,
					escalation_level = escalation_level + 1, trigger_temperature = $2, updated_at = now()
				WHERE id = $1`,
				[open?.id, toTenths(temperature), at],
			);
			break;
		case "resolve":
			await database.query(
				`UPDATE alerts SET status = 'resolved', resolved_at = $2, updated_at = now()
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
		WHERE unit_id = $1 AND alert_type = 'alarm_active' AND status <> 'resolved'
		ORDER BY triggered_at DESC LIMIT 1`,
		[unitId],
	);
	return rows[0];
}

async function raise(
	database: pg.ClientBase,
	unit: Unit,
	temperature: number,
	at: Date,
	{ limit, violated }: Extract<Decision, { action: "raise" }>,
): Promise<void> {
	const side = violated === "max" ? "above" : "below";
	await database.query(
		`INSERT INTO alerts (
			unit_id, alert_rule_id, alert_type, severity, message,
			trigger_temperature, threshold_violated, triggered_at
		) VALUES ($1, $2, 'alarm_active', 'warning', $3, $4, $5, $6)`,
		[
			unit.id,
			unit.ruleId,
			`${temperature} °${unit.tempUnit} is ${side} the limit of ${limit} °${unit.tempUnit}.`,
			toTenths(temperature),
			violated,
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
		`UPDATE units SET last_temperature = $2, last_reading_at = $3, status = $4,
			updated_at = now()
		WHERE id = $1`,
		[unitId, toTenths(temperature), at, status],
	);
}
