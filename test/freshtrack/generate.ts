import type { ClientBase } from "pg";
import * as accounts from "./data/accounts";
import * as configuration from "./data/configuration";
import { copyRows, type Row } from "./data/copy";
import { Draw } from "./data/draw";
import * as equipment from "./data/equipment";
import { inventPeople, knownLogIns, type LogIn } from "./data/people";
import { invent, type Places } from "./data/places";
import * as records from "./data/records";
import * as telemetry from "./data/telemetry";

export { type LogIn, passwordOf } from "./data/people";

export const DEFAULT_SEED = "freshtrack";
/** Readings end here; a fixed time, so that a seed always makes the same rows. */
export const DEFAULT_UNTIL = new Date("2026-06-01T00:00:00Z");

export interface SourceOptions {
	seed?: string;
	until?: Date;
	/** Readings a sensor, one an hour: a year by default, fewer for tests that need no mass. */
	hours?: number;
}

/** What a rehearsal knows of the data without asking the database. */
export interface KnownSource {
	/** An owner and a member of staff with a carried password, and one person without. */
	logIns: LogIn[];
	/** Sensors that report by The Things Network, with the secret of their organization's webhook. */
	sensors: {
		devEui: string;
		unitId: string;
		organizationId: string;
		webhookSecret: string;
	}[];
	/** Organizations with the id of their webhook at The Things Network. */
	organizations: {
		id: string;
		name: string;
		webhookId: string;
		webhookSecret: string;
	}[];
}

/** The same facts as in a database filled with this seed; touches none. */
export async function knownSource(seed = DEFAULT_SEED): Promise<KnownSource> {
	const draw = new Draw(seed);
	const places = invent(draw);
	return facts(
		draw,
		places,
		knownLogIns(draw, await inventPeople(draw, places.organizations)),
	);
}

/**
 * Fills an empty source (see createSourceSchema) with over 350,000 readings, 240
 * people and rows in every table. The connection must be a superuser's: rows go
 * in by COPY under replica role, so no trigger fires. Gives the counts a table.
 */
export async function fillSource(
	superuser: ClientBase,
	options: SourceOptions = {},
): Promise<{ known: KnownSource; counts: Record<string, number> }> {
	const draw = new Draw(options.seed ?? DEFAULT_SEED);
	const until = options.until ?? DEFAULT_UNTIL;
	const places = invent(draw);
	const people = await inventPeople(draw, places.organizations);
	const counts: Record<string, number> = {};
	const load = async (table: string, rows: Iterable<Row>) => {
		counts[table] = await copyRows(superuser, table, rows);
	};

	await superuser.query("BEGIN");
	await superuser.query("SET LOCAL session_replication_role = replica");
	await superuser.query("SET LOCAL synchronous_commit = off");
	await load("auth.users", accounts.authUsers(draw, people));
	await load("auth.identities", accounts.identities(draw, people));
	await load("auth.mfa_factors", accounts.factors(draw, people));
	await load("organizations", equipment.organizations(places));
	await load("profiles", accounts.profiles(draw, people));
	await load("user_roles", accounts.roles(draw, people));
	await load("sites", equipment.sites(places));
	await load("areas", equipment.areas(places));
	await load("units", equipment.units(places));
	await load("hubs", equipment.hubs(draw, places));
	await load("devices", equipment.devices(draw, places));
	await load("gateways", equipment.gateways(draw, places, people));
	const catalog = await superuser.query<{ id: string }>(
		"SELECT id FROM sensor_catalog ORDER BY manufacturer, model",
	);
	await load(
		"lora_sensors",
		equipment.loraSensors(
			draw,
			places,
			people,
			catalog.rows.map((row) => row.id),
		),
	);
	await load("ttn_connections", equipment.ttnConnections(draw, places, people));
	await withoutIndexes(superuser, "sensor_readings", () =>
		load(
			"sensor_readings",
			telemetry.readings(draw, places, until, options.hours),
		),
	);
	await load("door_events", telemetry.doorEvents(draw, places, until));
	await load(
		"manual_temperature_logs",
		telemetry.manualLogs(draw, places, people, until),
	);
	await load(
		"alarm_evaluation_log",
		telemetry.evaluations(draw, places, until),
	);
	await load("alerts", records.alerts(draw, places, people, until));
	await load(
		"corrective_actions",
		records.correctiveActions(draw, places, people),
	);
	await load("event_logs", records.eventLogs(draw, places, people, until));
	await load("super_admin_audit_log", records.adminAudit(draw, places, people));
	await load("alert_rules", configuration.alertRules(draw, places));
	await load(
		"notification_policies",
		configuration.notificationPolicies(draw, places),
	);
	await load(
		"escalation_contacts",
		configuration.escalationContacts(draw, places, people),
	);
	await load(
		"inspector_sessions",
		configuration.inspectorSessions(draw, places, people),
	);
	await load(
		"unit_dashboard_layouts",
		configuration.dashboardLayouts(draw, places, people),
	);
	await load(
		"ttn_deprovision_jobs",
		configuration.deprovisionJobs(draw, places, people),
	);
	await load("user_sync_log", configuration.userSyncLog(draw, people));
	await load("alarm_definitions", configuration.ownAlarmDefinitions(draw));
	await superuser.query(AFTERMATH);
	await superuser.query("COMMIT");
	await superuser.query("ANALYZE");
	return { known: facts(draw, places, knownLogIns(draw, people)), counts };
}

/** Building the indexes after the rows takes half the time of keeping them up to date. */
async function withoutIndexes(
	client: ClientBase,
	table: string,
	fill: () => Promise<void>,
): Promise<void> {
	const { rows } = await client.query<{ name: string; definition: string }>(
		`SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
		FROM pg_index WHERE indrelid = $1::regclass AND NOT indisunique`,
		[table],
	);
	for (const { name } of rows) await client.query(`DROP INDEX ${name}`);
	await fill();
	for (const { definition } of rows) await client.query(definition);
}

/**
 * Seeded rows that were edited since, the last readings as the application notes
 * them, and sequences that ran ahead of their rows.
 */
const AFTERMATH = `
UPDATE alarm_definitions SET threshold_max = 40.50, tags = array_append(tags, NULL)
WHERE slug IN ('high-temperature-fridge', 'door-open-freezer', 'low-battery-any');
UPDATE sensor_catalog SET is_visible = false, notes = '' WHERE sort_order = 3;
UPDATE units SET last_reading_at = latest.recorded_at, last_temp_reading = latest.temperature
FROM (
	SELECT DISTINCT ON (unit_id) unit_id, recorded_at, temperature
	FROM sensor_readings ORDER BY unit_id, recorded_at DESC
) AS latest
WHERE latest.unit_id = units.id;
SELECT setval(pg_get_serial_sequence('alarm_evaluation_log', 'id'), max(id) + 25) FROM alarm_evaluation_log;
`;

function facts(draw: Draw, places: Places, logIns: LogIn[]): KnownSource {
	const secret = (organizationId: string) =>
		equipment.webhookSecret(draw, organizationId);
	return {
		logIns,
		sensors: places.sensors.map((sensor) => {
			const organizationId = sensor.unit.area.site.organization.id;
			return {
				devEui: sensor.devEui,
				unitId: sensor.unit.id,
				organizationId,
				webhookSecret: secret(organizationId),
			};
		}),
		organizations: places.organizations.map(({ id, name, slug }) => ({
			id,
			name,
			webhookId: slug,
			webhookSecret: secret(id),
		})),
	};
}
