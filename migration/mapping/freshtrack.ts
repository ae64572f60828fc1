import {
	archive,
	archived,
	column,
	constant,
	defineMapping,
	drop,
	first,
	firstOf,
	into,
	keep,
	labels,
	lookup,
	rejectLabel,
	same,
	sameLabels,
	sql,
	trusted,
} from "./define";
import type { Hop, Value } from "./types";

/**
 * FreshTrack Pro's way from its schema on Supabase to that of its new backend.
 *
 * What it decides beyond names:
 * - Persons: columns that named a user name his profile now. Who has no profile,
 *   or one without organization, is named by nobody; the archive still knows.
 * - Sensors: a LoRa sensor becomes a device and its radio settings, both under the
 *   sensor's id, so that its readings find it. A device of the old kind has its
 *   serial number for an EUI.
 * - Temperatures: readings keep hundredths of a degree; limits and last values
 *   become whole tenths, calibrations whole hundredths. All are in °F, as before.
 *   The casts to int cannot fail: numeric(5,2) ends at 999.99.
 * - A unit without lower limit gets one below absolute zero, as the new column
 *   cannot be empty.
 * - Instants are cut to milliseconds.
 */

/** A unit's lower limit where it has none: tenths of °F below absolute zero. */
const NO_LOWER_LIMIT = -4600;

/** Whoever a column names by user id, as a profile. */
const profileOf = (user: string): Value =>
	lookup(
		"id",
		{ table: "profiles", on: { user_id: user } },
		{ orphans: "null" },
	);

/** On the way back: the user whose profile a column names. */
const userOf = (profile: string): Value =>
	lookup("user_id", { table: "profiles", on: { id: profile } });

/** From a unit up to its site. Good in both schemas. */
const unitToSite = (unit: string): Hop[] => [
	{ table: "units", on: { id: unit } },
	{ table: "areas", on: { id: "area_id" } },
	{ table: "sites", on: { id: "site_id" } },
];

const organizationOfUnit = (unit: string): Value =>
	lookup("organization_id", unitToSite(unit));

const organizationOfSite = (site: string): Value =>
	lookup("organization_id", { table: "sites", on: { id: site } });

const TIMES = same("created_at", "updated_at");

const SEVERITIES = sameLabels("info", "warning", "critical");

export const freshtrack = defineMapping({
	name: "freshtrack",
	userColumns: [
		"account_deletion_jobs.user_id",
		"alarm_events.acknowledged_by",
		"alarm_events.resolved_by",
		"alert_audit_log.actor_user_id",
		"alert_rules_history.changed_by",
		"alert_suppressions.created_by",
		"alerts.acknowledged_by",
		"alerts.resolved_by",
		"areas.deleted_by",
		"calibration_records.performed_by",
		"corrective_actions.created_by",
		"default_widget_layouts.created_by",
		"default_widget_layouts.updated_by",
		"devices.deleted_by",
		"entity_dashboard_layouts.user_id",
		"escalation_contacts.user_id",
		"event_logs.acting_user_id",
		"event_logs.actor_id",
		"gateways.created_by",
		"impersonation_sessions.admin_user_id",
		"impersonation_sessions.target_user_id",
		"in_app_notifications.user_id",
		"inspector_sessions.created_by",
		"lora_sensors.created_by",
		"lora_sensors.deleted_by",
		"manual_temperature_logs.logged_by",
		"notification_deliveries.user_id",
		"notification_events.user_id",
		"org_cleanup_jobs.created_by",
		"organizations.deleted_by",
		"pairing_sessions.initiated_by",
		"pilot_feedback.submitted_by",
		"platform_roles.granted_by",
		"platform_roles.user_id",
		"profiles.user_id",
		"profiles.vacation_alternate_user_id",
		"sensor_catalog.created_by",
		"sensor_cleanup_queue.deleted_user_id",
		"sensor_dashboard_layouts_archived.user_id",
		"sensor_pending_changes.requested_by",
		"simulated_devices.created_by",
		"sites.deleted_by",
		"sms_alert_log.user_id",
		"super_admin_audit_log.actor_user_id",
		"super_admin_audit_log.impersonated_user_id",
		"ttn_connections.created_by",
		"ttn_connections.ttn_webhook_last_updated_by",
		"ttn_connections.updated_by",
		"ttn_deprovision_jobs.created_by",
		"ttn_deprovision_runs.requested_by",
		"unit_dashboard_layouts.user_id",
		"unit_settings_history.changed_by",
		"units.deleted_by",
		"user_roles.user_id",
		"user_sync_log.user_id",
	],
	tables: {
		// Who: organizations, people and their roles.
		organizations: into(
			{
				table: "organizations",
				columns: {
					...same("id", "name", "slug", "timezone", "logo_url", "deleted_at"),
					compliance_mode: "compliance_mode",
					sensor_limit: lookup(
						"sensor_limit",
						{
							table: "subscriptions",
							on: { organization_id: "id" },
							first: "l.created_at DESC, l.id",
						},
						{ ifNull: "10" },
					),
					...TIMES,
				},
			},
			{
				rest: archived(
					"accent_color",
					"deleted_by",
					"ttn_application_created",
					"ttn_application_id",
					"ttn_webhook_configured",
					"units_preference",
				),
				back: {},
			},
		),
		profiles: into(
			{
				table: "profiles",
				columns: {
					...same("id", "organization_id", "user_id", "email", "full_name"),
					...same("avatar_url", "phone"),
					email_enabled: preference("email", true),
					sms_enabled: preference("sms", false),
					push_enabled: preference("push", true),
					timezone: column("quiet_hours_timezone", { ifNull: "'UTC'" }),
					...TIMES,
				},
			},
			{
				rest: archived(
					"notification_preferences",
					"quiet_hours_allow_critical",
					"quiet_hours_enabled",
					"quiet_hours_end",
					"quiet_hours_start",
					"site_id",
					"unit_id",
					"vacation_alternate_user_id",
					"vacation_mode",
				),
				back: {
					columns: {
						notification_preferences: sql(
							"jsonb_build_object('email', t.email_enabled, 'sms', t.sms_enabled, 'push', t.push_enabled)",
						),
					},
				},
			},
		),
		user_roles: into(
			{
				table: "user_roles",
				columns: {
					...same("id", "organization_id", "user_id", "created_at"),
					// An inspector saw some sites for some days. To see all of them as a
					// viewer is more than anybody granted: a person decides.
					role: labels("role", {
						...sameLabels("owner", "admin", "manager", "staff", "viewer"),
						inspector: rejectLabel,
					}),
					updated_at: "created_at",
				},
				// One role an organization: the highest, as the labels stand in that order.
				unique: { "user_id, organization_id": first("t.role") },
			},
			{ back: { columns: { created_at: "created_at" } } },
		),

		// Where: sites, areas, units.
		sites: into(
			{
				table: "sites",
				columns: {
					...same("id", "organization_id", "name", "address", "city", "state"),
					...same("country", "postal_code", "timezone"),
					...same("latitude", "longitude"),
					is_active: sql("t.is_active AND t.deleted_at IS NULL"),
					...TIMES,
				},
			},
			{
				rest: archived(
					"compliance_mode",
					"corrective_action_required",
					"deleted_at",
					"deleted_by",
					"manual_log_cadence_seconds",
				),
				back: { columns: { is_active: "is_active", deleted_at: keep } },
			},
		),
		areas: into(
			{
				table: "areas",
				columns: {
					...same("id", "site_id", "name", "description", "sort_order"),
					is_active: sql("t.is_active AND t.deleted_at IS NULL"),
					...TIMES,
				},
			},
			{
				rest: archived("deleted_at", "deleted_by"),
				back: { columns: { is_active: "is_active", deleted_at: keep } },
			},
		),
		units: into(
			{
				table: "units",
				columns: {
					...same("id", "area_id", "name", "unit_type", "status"),
					temp_max: sql("round(t.temp_limit_high * 10)::int", {
						back: { temp_limit_high: sql("t.temp_max / 10.0") },
					}),
					temp_min: sql(
						`coalesce(round(t.temp_limit_low * 10)::int, ${NO_LOWER_LIMIT})`,
						{
							back: {
								temp_limit_low: sql(
									`CASE WHEN t.temp_min > ${NO_LOWER_LIMIT} THEN t.temp_min / 10.0 END`,
								),
							},
						},
					),
					temp_unit: constant("'F'"),
					last_temperature: sql("round(t.last_temp_reading * 10)::int", {
						back: { last_temp_reading: sql("t.last_temperature / 10.0") },
					}),
					last_reading_at: "last_reading_at",
					manual_monitoring_required: column("manual_logging_enabled", {
						ifNull: "false",
					}),
					// Seconds there, minutes here.
					manual_monitoring_interval: sql("t.manual_log_cadence / 60", {
						back: {
							manual_log_cadence: sql("t.manual_monitoring_interval * 60", {
								ifNull: "14400",
							}),
						},
					}),
					is_active: sql("t.is_active AND t.deleted_at IS NULL"),
					...TIMES,
				},
			},
			{
				rest: archived(
					"checkin_interval_minutes",
					"confirm_time_door_closed",
					"confirm_time_door_open",
					"consecutive_checkins",
					"deleted_at",
					"deleted_by",
					"door_last_changed_at",
					"door_open_grace_minutes",
					"door_sensor_enabled",
					"door_state",
					"last_checkin_at",
					"last_manual_log_at",
					"last_status_change",
					"last_temp_reading",
					"make",
					"manual_log_cadence",
					"max_excursion_duration",
					"model",
					"notes",
					"sensor_reliable",
					"serial_number",
					"temp_hysteresis",
					"temp_limit_high",
					"temp_limit_low",
				),
				back: { columns: { is_active: "is_active", deleted_at: keep } },
			},
		),

		// With what: hubs, devices, sensors, gateways.
		hubs: into(
			{
				table: "hubs",
				columns: {
					...same("id", "site_id", "name", "mac_address", "firmware_version"),
					...same("last_seen_at", "is_online"),
					...TIMES,
				},
				unique: { mac_address: first("t.created_at") },
			},
			{ rest: archived("ip_address") },
		),
		devices: into(
			{
				table: "devices",
				columns: {
					id: "id",
					unit_id: column("unit_id", { orphans: "null" }),
					hub_id: column("hub_id", { orphans: "null" }),
					device_eui: "serial_number",
					status: labels(
						"status",
						{
							...sameLabels("active", "inactive", "pairing"),
							fault: "error",
							// The battery's own column says so.
							low_battery: "active",
						},
						{ back: { active: "active" } },
					),
					battery: "battery_level",
					...same("signal_strength", "firmware_version", "last_seen_at"),
					is_active: sql("t.deleted_at IS NULL"),
					...TIMES,
				},
				reject: [
					{
						when: "EXISTS (SELECT FROM public.lora_sensors s WHERE upper(s.dev_eui) = t.serial_number)",
						reason: "device_eui is a sensor's",
						dependsOn: [
							{
								table: "lora_sensors",
								match: { dev_eui: "t.serial_number" },
								reads: [],
							},
						],
					},
				],
				unique: {
					device_eui: trusted(
						"serial numbers are unique among themselves, and one that is a sensor's EUI is rejected",
					),
				},
			},
			{
				rest: archived(
					"battery_last_reported_at",
					"battery_voltage",
					"calibration_offset",
					"deleted_at",
					"deleted_by",
					"last_calibrated_at",
					"mac_address",
					"organization_id",
					"status",
					"transmit_interval",
				),
				back: {
					filter:
						"NOT EXISTS (SELECT FROM public.lora_sensors s WHERE s.device_id = t.id)",
					dependsOn: [
						{ table: "lora_sensors", match: { device_id: "t.id" }, reads: [] },
					],
					columns: {
						unit_id: "unit_id",
						hub_id: "hub_id",
						deleted_at: sql("CASE WHEN NOT t.is_active THEN t.updated_at END"),
					},
					onInsert: { organization_id: organizationOfUnit("unit_id") },
				},
			},
		),
		lora_sensors: into(
			[
				{
					table: "devices",
					columns: {
						id: "id",
						unit_id: column("unit_id", { orphans: "null" }),
						device_eui: sql("upper(t.dev_eui)"),
						name: "name",
						device_type: constant("'lora'"),
						status: labels("status", {
							pending: "pairing",
							joining: "pairing",
							active: "active",
							offline: "inactive",
							fault: "error",
						}),
						battery: "battery_level",
						...same("signal_strength", "firmware_version", "last_seen_at"),
						is_active: sql("t.deleted_at IS NULL"),
						...TIMES,
					},
					unique: {
						device_eui: first("t.deleted_at IS NOT NULL, t.created_at"),
					},
				},
				{
					table: "lora_sensors",
					columns: {
						id: "id",
						device_id: "id",
						dev_eui: sql("upper(t.dev_eui)"),
						// A sensor that has no JoinEUI joins with zeros.
						app_eui: column("app_eui", { ifNull: "'0000000000000000'" }),
						app_key: "app_key",
						network_server_id: "ttn_application_id",
						last_join_at: "last_join_at",
						...TIMES,
					},
					unique: { dev_eui: first("t.deleted_at IS NOT NULL, t.created_at") },
				},
			],
			{
				rest: archived(
					"battery_health_state",
					"battery_voltage",
					"battery_voltage_filtered",
					"created_by",
					"decode_mode_override",
					"deleted_at",
					"deleted_by",
					"description",
					"is_primary",
					"last_provision_check_at",
					"last_provision_check_error",
					"manufacturer",
					"model",
					"organization_id",
					"provisioned_source",
					"provisioning_state",
					"sensor_catalog_id",
					"sensor_type",
					"site_id",
					"status",
					"ttn_cluster",
					"ttn_device_id",
				),
				back: {
					from: "lora_sensors",
					columns: {
						dev_eui: "dev_eui",
						name: lookup(
							"name",
							{ table: "devices", on: { id: "device_id" } },
							{ ifNull: "t.dev_eui" },
						),
						...Object.fromEntries(
							["unit_id", "signal_strength", "firmware_version"].map((name) => [
								name,
								lookup(name, { table: "devices", on: { id: "device_id" } }),
							]),
						),
						battery_level: lookup("battery", {
							table: "devices",
							on: { id: "device_id" },
						}),
						last_seen_at: lookup("last_seen_at", {
							table: "devices",
							on: { id: "device_id" },
						}),
						// The old system works them out itself; archiving one there would
						// take it off the network.
						status: keep,
						deleted_at: keep,
					},
					onInsert: {
						organization_id: lookup("organization_id", [
							{ table: "devices", on: { id: "device_id" } },
							...unitToSite("unit_id"),
						]),
					},
				},
			},
		),
		gateways: into(
			{
				table: "gateways",
				columns: {
					...same("id", "name", "description", "gateway_eui", "last_seen_at"),
					site_id: column("site_id", { orphans: "null" }),
					ttn_connection_id: lookup("id", {
						table: "ttn_connections",
						on: { organization_id: "organization_id" },
					}),
					// What The Things Network calls a gateway that nobody has named.
					gateway_id: sql(
						"coalesce(t.ttn_gateway_id, 'eui-' || lower(t.gateway_eui))",
						{ back: { ttn_gateway_id: "gateway_id" } },
					),
					status: labels("status", {
						...sameLabels("online", "offline"),
						pending: "unknown",
						maintenance: "disconnected",
					}),
					...TIMES,
				},
				unique: { gateway_id: first("t.created_at") },
			},
			{
				rest: archived(
					"created_by",
					"last_provision_check_at",
					"last_provision_check_error",
					"provisioning_state",
					"signal_quality",
					"ttn_application_id",
					"ttn_last_error",
					"ttn_registered_at",
				),
				back: {
					columns: {
						name: column("name", { ifNull: "t.gateway_eui" }),
						organization_id: lookup("organization_id", {
							table: "ttn_connections",
							on: { id: "ttn_connection_id" },
						}),
					},
				},
			},
		),
		ttn_connections: into(
			{
				table: "ttn_connections",
				columns: {
					...same("id", "organization_id"),
					application_id: "ttn_application_id",
					webhook_secret: "ttn_webhook_secret_encrypted",
					is_active: column("is_enabled", { ifNull: "false" }),
					created_at: sql("coalesce(t.created_at, t.updated_at, 'epoch')", {
						back: { created_at: "created_at" },
					}),
					updated_at: sql("coalesce(t.updated_at, t.created_at, 'epoch')", {
						back: { updated_at: "updated_at" },
					}),
				},
				unique: { webhook_secret: first("t.created_at") },
			},
			{
				rest: archived(
					"app_rights_check_status",
					"cluster_lock",
					"created_by",
					"credentials_last_rotated_at",
					"credentials_rotation_count",
					"last_connection_test_at",
					"last_connection_test_result",
					"last_http_body",
					"last_http_status",
					"last_ttn_correlation_id",
					"last_ttn_error_name",
					"last_ttn_error_namespace",
					"last_ttn_http_status",
					"provisioning_attempt_count",
					"provisioning_can_retry",
					"provisioning_error",
					"provisioning_last_heartbeat_at",
					"provisioning_last_step",
					"provisioning_started_at",
					"provisioning_status",
					"provisioning_step",
					"provisioning_step_details",
					"ttn_api_key_encrypted",
					"ttn_api_key_id",
					"ttn_api_key_last4",
					"ttn_api_key_updated_at",
					"ttn_application_name",
					"ttn_application_provisioned_at",
					"ttn_application_uid",
					"ttn_credential_type",
					"ttn_gateway_api_key_encrypted",
					"ttn_gateway_api_key_id",
					"ttn_gateway_api_key_last4",
					"ttn_gateway_rights_checked_at",
					"ttn_gateway_rights_verified",
					"ttn_identity_server_url",
					"ttn_last_test_source",
					"ttn_last_updated_source",
					"ttn_org_api_key_encrypted",
					"ttn_org_api_key_id",
					"ttn_org_api_key_last4",
					"ttn_org_api_key_updated_at",
					"ttn_organization_id",
					"ttn_organization_name",
					"ttn_organization_provisioned_at",
					"ttn_owner_scope",
					"ttn_region",
					"ttn_stack_base_url",
					"ttn_user_id",
					"ttn_webhook_events",
					"ttn_webhook_id",
					"ttn_webhook_last_updated_at",
					"ttn_webhook_last_updated_by",
					"ttn_webhook_secret_last4",
					"ttn_webhook_url",
					"updated_by",
				),
			},
		),
		calibration_records: into(
			{
				table: "calibration_records",
				columns: {
					...same("id", "device_id", "calibrated_at", "notes", "created_at"),
					calibrated_by: profileOf("performed_by"),
					temperature_offset: sql("t.offset_applied * 100", {
						back: {
							offset_applied: sql("t.temperature_offset / 100.0", {
								ifNull: "0",
							}),
						},
					}),
					reference_temperature: sql("t.reference_temp * 100", {
						back: { reference_temp: sql("t.reference_temperature / 100.0") },
					}),
					expires_at: "next_calibration_due",
					updated_at: "created_at",
				},
			},
			{
				rest: archived("measured_temp", "performed_by"),
				back: {
					columns: { performed_by: userOf("calibrated_by") },
					onInsert: {
						measured_temp: sql(
							"(t.reference_temperature - coalesce(t.temperature_offset, 0)) / 100.0",
						),
					},
				},
			},
		),
		// Short-lived; new ones name neither hub nor unit, which the old table needs.
		pairing_sessions: into(
			{
				table: "pairing_sessions",
				columns: {
					...same("id", "started_at", "completed_at", "expires_at"),
					device_id: column("device_id", { orphans: "null" }),
					status: labels("status", {
						...sameLabels("pending", "completed", "failed", "expired"),
						in_progress: "pending",
					}),
					created_at: "created_at",
					updated_at: sql("coalesce(t.completed_at, t.created_at)"),
				},
			},
			{
				rest: archived(
					"error_message",
					"hub_id",
					"initiated_by",
					"status",
					"unit_id",
				),
				back: "export",
			},
		),

		// What was measured.
		sensor_readings: into(
			{
				table: "sensor_readings",
				columns: {
					...same("id", "unit_id", "temperature", "humidity"),
					...same("signal_strength", "source", "recorded_at", "received_at"),
					device_id: sql("coalesce(t.lora_sensor_id, t.device_id)", {
						orphans: "null",
						back: {
							lora_sensor_id: sql(
								"(SELECT s.id FROM public.lora_sensors s WHERE s.device_id = t.device_id)",
								{
									dependsOn: [
										{
											table: "lora_sensors",
											match: { device_id: "t.device_id" },
											reads: ["id"],
										},
									],
								},
							),
							device_id: sql(
								"CASE WHEN NOT EXISTS (SELECT FROM public.lora_sensors s WHERE s.device_id = t.device_id) THEN t.device_id END",
								{
									dependsOn: [
										{
											table: "lora_sensors",
											match: { device_id: "t.device_id" },
											reads: [],
										},
									],
								},
							),
						},
					}),
					battery: "battery_level",
					raw_payload: "raw_payload_hex",
				},
			},
			{
				rest: archived(
					"app_decoded_payload",
					"battery_voltage",
					"decode_match",
					"decode_mismatch_reason",
					"decoder_errors",
					"decoder_id",
					"decoder_warnings",
					"device_id",
					"door_open",
					"f_port",
					"frm_payload_base64",
					"lora_sensor_id",
					"network_decoded_payload",
				),
			},
		),
		door_events: into(
			{
				table: "door_events",
				columns: {
					...same("id", "unit_id", "state", "created_at"),
					timestamp: "occurred_at",
				},
			},
			{ rest: archived("metadata", "source") },
		),
		manual_temperature_logs: into(
			{
				table: "manual_temperature_logs",
				columns: {
					...same("id", "unit_id", "temperature", "notes", "photo_url"),
					profile_id: profileOf("logged_by"),
					recorded_at: "logged_at",
					created_at: "created_at",
				},
			},
			{
				rest: archived("is_in_range", "logged_by"),
				back: { columns: { logged_by: userOf("profile_id") } },
			},
		),

		// What went wrong, and what was done.
		alert_rules: into(
			{
				table: "alert_rules",
				columns: {
					id: "id",
					organization_id: firstOf(
						"organization_id",
						organizationOfSite("site_id"),
						organizationOfUnit("unit_id"),
					),
					...same("site_id", "unit_id"),
					name: constant("'Temperature'"),
					delay_minutes: column("excursion_confirm_minutes_door_closed", {
						ifNull: "5",
					}),
					...TIMES,
				},
			},
			{
				rest: archived(
					"door_open_critical_minutes",
					"door_open_max_mask_minutes_per_day",
					"door_open_warning_minutes",
					"excursion_confirm_minutes_door_open",
					"expected_reading_interval_seconds",
					"manual_grace_minutes",
					"manual_interval_minutes",
					"manual_log_missed_checkins_threshold",
					"max_excursion_minutes",
					"offline_critical_missed_checkins",
					"offline_trigger_additional_minutes",
					"offline_trigger_multiplier",
					"offline_warning_missed_checkins",
				),
				back: {
					columns: { organization_id: keep },
					// There a rule belongs to one of the three.
					onInsert: {
						organization_id: sql(
							"CASE WHEN t.site_id IS NULL AND t.unit_id IS NULL THEN t.organization_id END",
						),
					},
				},
			},
		),
		alert_rules_history: into(
			{
				table: "alert_rules_history",
				columns: {
					id: "id",
					alert_rule_id: "alert_rules_id",
					change_type: "action",
					changed_by: profileOf("changed_by"),
					new_values: "changes",
					changed_at: "changed_at",
				},
			},
			{
				rest: archived(
					"changed_by",
					"created_at",
					"note",
					"organization_id",
					"site_id",
					"unit_id",
				),
				back: {
					columns: {
						changed_by: userOf("changed_by"),
						changes: column("new_values", { ifNull: "'{}'" }),
					},
				},
			},
		),
		alerts: into(
			{
				table: "alerts",
				columns: {
					...same("id", "unit_id", "status", "triggered_at", "created_at"),
					alert_type: labels(
						"alert_type",
						{
							...sameLabels("alarm_active", "monitoring_interrupted"),
							...sameLabels("missed_manual_entry", "low_battery"),
							...sameLabels("sensor_fault", "door_open", "calibration_due"),
							// Both are alarms about a temperature; the archive has the old name.
							suspected_cooling_failure: "alarm_active",
							temp_excursion: "alarm_active",
						},
						{ back: { alarm_active: "alarm_active" } },
					),
					severity: labels("severity", SEVERITIES),
					// The new system has no titles: where there is no message, it is one.
					message: sql("coalesce(t.message, t.title)"),
					trigger_temperature: sql("round(t.temp_reading * 10)::int", {
						back: { temp_reading: sql("t.trigger_temperature / 10.0") },
					}),
					threshold_violated: sql(
						"CASE WHEN t.temp_reading > t.temp_limit THEN 'max' WHEN t.temp_reading < t.temp_limit THEN 'min' END",
					),
					acknowledged_at: "acknowledged_at",
					acknowledged_by: profileOf("acknowledged_by"),
					resolved_at: "resolved_at",
					resolved_by: profileOf("resolved_by"),
					escalation_level: "escalation_level",
					metadata: "metadata",
					updated_at: sql(
						"greatest(t.created_at, t.acknowledged_at, t.resolved_at)",
					),
				},
			},
			{
				rest: archived(
					"ack_required",
					"acknowledged_by",
					"acknowledgment_notes",
					"alert_type",
					"area_id",
					"correlated_with_alert_id",
					"escalation_steps_sent",
					"first_active_at",
					"last_notified_at",
					"last_notified_reason",
					"next_escalation_at",
					"organization_id",
					"resolution_type",
					"resolved_by",
					"sensor_dev_eui",
					"site_id",
					"source",
					"temp_limit",
					"temp_reading",
					"title",
					"triggered_by_device_id",
				),
				back: {
					columns: {
						message: "message",
						title: keep,
						temp_limit: keep,
						created_at: "created_at",
						acknowledged_at: "acknowledged_at",
						resolved_at: "resolved_at",
						acknowledged_by: userOf("acknowledged_by"),
						resolved_by: userOf("resolved_by"),
					},
					onInsert: {
						title: sql("coalesce(t.message, 'Alert')"),
						organization_id: organizationOfUnit("unit_id"),
						site_id: lookup("id", unitToSite("unit_id")),
						area_id: lookup("area_id", {
							table: "units",
							on: { id: "unit_id" },
						}),
					},
				},
			},
		),
		corrective_actions: into(
			{
				table: "corrective_actions",
				columns: {
					...same("id", "alert_id", "unit_id", "action_taken", "created_at"),
					profile_id: profileOf("created_by"),
					description: column("root_cause", { ifNull: "''" }),
					// One photograph there, several here: the first.
					photo_url: sql("t.photo_urls[1]", {
						back: {
							photo_urls: sql(
								"CASE WHEN t.photo_url IS NOT NULL THEN ARRAY[t.photo_url] END",
							),
						},
					}),
					action_at: "completed_at",
				},
			},
			{
				rest: archived("created_by", "photo_urls", "preventive_measures"),
				back: {
					columns: {
						created_by: userOf("profile_id"),
						action_taken: column("action_taken", { ifNull: "t.description" }),
					},
				},
			},
		),
		notification_deliveries: into(
			{
				table: "notification_deliveries",
				columns: {
					...same("id", "alert_id", "channel", "status", "error_message"),
					...same("sent_at", "delivered_at", "created_at"),
					profile_id: profileOf("user_id"),
					recipient: lookup(
						"email",
						{ table: "profiles", on: { user_id: "user_id" } },
						{ ifNull: "'unknown'" },
					),
					retry_count: "retry_count",
					scheduled_at: "created_at",
				},
			},
			{
				rest: archived("user_id"),
				back: {
					columns: { user_id: userOf("profile_id"), created_at: "created_at" },
				},
			},
		),
		escalation_contacts: into(
			{
				table: "escalation_contacts",
				columns: {
					...same("id", "organization_id", "name", "email", "phone"),
					...same("priority", "is_active", "created_at"),
					profile_id: profileOf("user_id"),
					updated_at: "created_at",
				},
			},
			{
				rest: archived("notification_channels", "user_id"),
				back: {
					columns: { user_id: userOf("profile_id"), created_at: "created_at" },
				},
			},
		),
		event_logs: into(
			{
				table: "event_logs",
				columns: {
					...same("id", "organization_id", "event_type", "user_agent"),
					...same("ip_address", "previous_hash"),
					actor_id: profileOf("actor_id"),
					actor_type: column("actor_type", { ifNull: "'system'" }),
					event_category: "category",
					entity_type: sql(
						"CASE WHEN t.unit_id IS NOT NULL THEN 'unit' WHEN t.area_id IS NOT NULL THEN 'area' WHEN t.site_id IS NOT NULL THEN 'site' ELSE 'organization' END",
						{
							back: Object.fromEntries(
								["unit", "area", "site"].map((entity) => [
									`${entity}_id`,
									sql(
										`CASE WHEN t.entity_type = '${entity}' THEN t.entity_id END`,
									),
								]),
							),
						},
					),
					entity_id: sql(
						"coalesce(t.unit_id, t.area_id, t.site_id, t.organization_id)",
					),
					description: "title",
					payload: "event_data",
					// The chain of hashes is over the old row, which the archive has whole.
					hash: column("event_hash", { ifNull: "''" }),
					occurred_at: "recorded_at",
				},
			},
			{
				rest: archived(
					"acting_user_id",
					"actor_id",
					"area_id",
					"impersonation_session_id",
					"severity",
					"site_id",
					"unit_id",
					"was_impersonated",
				),
				back: {
					columns: {
						organization_id: "organization_id",
						actor_id: userOf("actor_id"),
						event_data: column("payload", { ifNull: "'{}'" }),
					},
				},
			},
		),
		subscriptions: into(
			{
				table: "subscriptions",
				columns: {
					...same("id", "organization_id", "plan", "status"),
					...same("stripe_customer_id", "stripe_subscription_id"),
					...same("current_period_start", "current_period_end"),
					...same("trial_ends_at", "canceled_at"),
					...TIMES,
				},
			},
			{ rest: archived("current_sensor_count", "sensor_limit") },
		),

		// No counterpart: kept in the archive.
		account_deletion_jobs: archive(),
		alarm_definitions: archive(),
		alarm_evaluation_log: archive(),
		alarm_events: archive(),
		alarm_org_overrides: archive(),
		alarm_site_overrides: archive(),
		alarm_test_scenarios: archive(),
		alarm_unit_overrides: archive(),
		alert_audit_log: archive(),
		alert_suppressions: archive(),
		battery_profiles: archive(),
		default_widget_layouts: archive(),
		emulator_sync_runs: archive(),
		entity_dashboard_layouts: archive(),
		escalation_policies: archive(),
		impersonation_sessions: archive(),
		in_app_notifications: archive(),
		inspector_sessions: archive({
			token: "opens the old system to whoever has it, and nothing else",
		}),
		invoices: archive(),
		notification_events: archive(),
		notification_policies: archive(),
		notification_settings: archive(),
		org_cleanup_jobs: archive(),
		org_sync_state: drop(
			"where the old system's synchronization stands; without it, it means nothing",
		),
		pilot_feedback: archive(),
		platform_roles: archive(),
		sensor_catalog: archive(),
		sensor_cleanup_queue: archive(),
		sensor_configurations: archive(),
		sensor_dashboard_layouts_archived: archive(),
		sensor_pending_changes: archive(),
		simulated_devices: archive(),
		sms_alert_log: archive(),
		super_admin_audit_log: archive(),
		telnyx_webhook_config: archive(),
		telnyx_webhook_events: archive(),
		ttn_cleanup_log: archive(),
		ttn_deprovision_jobs: archive(),
		ttn_deprovision_run_steps: archive(),
		ttn_deprovision_runs: archive(),
		ttn_provisioning_logs: archive(),
		unit_dashboard_layouts: archive(),
		unit_settings_history: archive(),
		user_sync_log: archive(),
	},
});

/** One of the switches in notification_preferences; anything but true and false is `otherwise`. */
function preference(name: string, otherwise: boolean): Value {
	return sql(
		`CASE t.notification_preferences -> '${name}' WHEN 'true' THEN true WHEN 'false' THEN false ELSE ${otherwise} END`,
	);
}
