-- What the old side has beyond tables.sql: the other 40 of its 68 tables, and the
-- columns that tables.sql leaves out, with their types as in the product. Applied
-- to a source that createSourceSchema made, filled or not; see full.ts.

SET ROLE postgres;

-- The product keeps the webhook's secret under this name. Whether it is encrypted
-- there is the application's business; here it is not.
ALTER TABLE ttn_connections RENAME webhook_secret TO ttn_webhook_secret_encrypted;
ALTER TABLE ttn_connections ALTER ttn_webhook_secret_encrypted DROP NOT NULL;

ALTER TABLE sensor_catalog
	ADD active_decoder_source text DEFAULT 'catalog',
	ADD datasheet_url text,
	ADD decoder_js text,
	ADD decoder_provenance jsonb DEFAULT '{}',
	ADD decoder_python text,
	ADD decoder_source_url text,
	ADD decoder_test_vectors jsonb DEFAULT '[]',
	ADD deprecated_reason text,
	ADD downlink_info jsonb DEFAULT '{}',
	ADD image_url text,
	ADD industry_use_cases jsonb DEFAULT '[]',
	ADD product_url text,
	ADD regional_params text DEFAULT 'RP001-1.0.3',
	ADD repo_decoder_js text,
	ADD repo_decoder_source text,
	ADD repo_decoder_updated_at timestamptz,
	ADD repo_test_fixtures jsonb DEFAULT '[]',
	ADD sample_payload_provenance jsonb DEFAULT '{}',
	ADD supports_abp boolean DEFAULT false,
	ADD supports_class text DEFAULT 'A',
	ADD supports_otaa boolean DEFAULT true,
	ADD ttn_device_repo_id text,
	ADD uplink_info jsonb DEFAULT '{}',
	ADD user_decoder_js text,
	ADD user_decoder_notes text,
	ADD user_decoder_updated_at timestamptz;

ALTER TABLE ttn_connections
	ADD app_rights_check_status text,
	ADD cluster_lock text DEFAULT 'nam1',
	ADD credentials_last_rotated_at timestamptz,
	ADD credentials_rotation_count integer DEFAULT 0,
	ADD last_http_body text,
	ADD last_http_status integer,
	ADD last_ttn_correlation_id text,
	ADD last_ttn_error_namespace text,
	ADD last_ttn_error_name text,
	ADD last_ttn_http_status integer,
	ADD provisioning_can_retry boolean DEFAULT true,
	ADD provisioning_error text,
	ADD provisioning_last_heartbeat_at timestamptz,
	ADD provisioning_last_step text,
	ADD provisioning_started_at timestamptz,
	ADD provisioning_step text,
	ADD ttn_api_key_encrypted text,
	ADD ttn_api_key_id text,
	ADD ttn_api_key_updated_at timestamptz,
	ADD ttn_application_name text,
	ADD ttn_application_provisioned_at timestamptz,
	ADD ttn_application_uid text,
	ADD ttn_credential_type text,
	ADD ttn_gateway_api_key_encrypted text,
	ADD ttn_gateway_api_key_id text,
	ADD ttn_gateway_rights_checked_at timestamptz,
	ADD ttn_gateway_rights_verified boolean DEFAULT false,
	ADD ttn_identity_server_url text,
	ADD ttn_last_test_source text,
	ADD ttn_last_updated_source text DEFAULT 'frostguard',
	ADD ttn_org_api_key_encrypted text,
	ADD ttn_org_api_key_id text,
	ADD ttn_org_api_key_last4 text,
	ADD ttn_org_api_key_updated_at timestamptz,
	ADD ttn_organization_id text,
	ADD ttn_organization_name text,
	ADD ttn_organization_provisioned_at timestamptz,
	ADD ttn_owner_scope text DEFAULT 'user',
	ADD ttn_stack_base_url text,
	ADD ttn_user_id text,
	ADD ttn_webhook_last_updated_at timestamptz,
	ADD ttn_webhook_last_updated_by uuid,
	ADD ttn_webhook_secret_last4 text;

CREATE TYPE notification_channel AS ENUM ('push', 'email', 'sms');
CREATE TYPE notification_status AS ENUM ('pending', 'sent', 'delivered', 'failed');
CREATE TYPE pairing_status AS ENUM ('pending', 'in_progress', 'completed', 'failed', 'expired');
CREATE TYPE subscription_plan AS ENUM ('starter', 'pro', 'haccp', 'enterprise');
CREATE TYPE subscription_status AS ENUM ('trial', 'active', 'past_due', 'canceled', 'paused');
CREATE TYPE platform_role AS ENUM ('SUPER_ADMIN', 'SUPPORT');
CREATE TYPE sensor_change_type AS ENUM ('uplink_interval', 'ext_mode', 'time_sync', 'alarm', 'raw');
CREATE TYPE sensor_change_status AS ENUM ('queued', 'sent', 'applied', 'failed', 'timeout');

CREATE TABLE subscriptions (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	canceled_at timestamptz,
	current_period_end timestamptz,
	current_period_start timestamptz,
	current_sensor_count integer NOT NULL DEFAULT 0,
	plan subscription_plan NOT NULL DEFAULT 'starter',
	sensor_limit integer NOT NULL DEFAULT 5,
	status subscription_status NOT NULL DEFAULT 'trial',
	stripe_customer_id text,
	stripe_subscription_id text,
	trial_ends_at timestamptz DEFAULT now() + interval '14 days',
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (organization_id)
);

CREATE TABLE invoices (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	amount_due integer NOT NULL,
	amount_paid integer NOT NULL DEFAULT 0,
	currency text NOT NULL DEFAULT 'usd',
	due_date timestamptz,
	invoice_pdf_url text,
	paid_at timestamptz,
	period_end timestamptz NOT NULL,
	period_start timestamptz NOT NULL,
	status text NOT NULL DEFAULT 'draft',
	stripe_invoice_id text,
	subscription_id uuid NOT NULL REFERENCES subscriptions ON DELETE CASCADE,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE account_deletion_jobs (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid,
	user_id uuid NOT NULL,
	completed_at timestamptz,
	current_step text,
	deleted_user_email text,
	error_message text,
	org_deleted boolean DEFAULT false,
	org_had_other_users boolean DEFAULT false,
	request_id uuid DEFAULT gen_random_uuid(),
	status text NOT NULL DEFAULT 'pending',
	steps_completed jsonb DEFAULT '[]',
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE alarm_events (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	site_id text,
	unit_id text,
	acknowledged_at timestamptz,
	acknowledged_by text,
	alarm_definition_id uuid NOT NULL REFERENCES alarm_definitions ON DELETE CASCADE,
	cooldown_until timestamptz,
	corrective_action_taken text,
	correlation_id uuid,
	correlation_type text,
	dev_eui text,
	escalated_at timestamptz,
	escalated boolean DEFAULT false,
	escalation_count integer DEFAULT 0,
	org_id text NOT NULL,
	resolution_notes text,
	resolved_at timestamptz,
	resolved_by text,
	severity_at_trigger alarm_severity NOT NULL,
	snoozed_until timestamptz,
	state text NOT NULL DEFAULT 'active',
	trigger_field text,
	trigger_payload jsonb,
	trigger_value numeric,
	triggered_at timestamptz DEFAULT now(),
	updated_at timestamptz DEFAULT now()
);

CREATE TABLE alarm_org_overrides (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	alarm_definition_id uuid NOT NULL REFERENCES alarm_definitions ON DELETE CASCADE,
	cooldown_minutes integer,
	custom_corrective_action text,
	duration_minutes integer,
	enabled boolean,
	escalation_minutes integer,
	notification_channels text[],
	org_id text NOT NULL,
	severity_override alarm_severity,
	threshold_max numeric,
	threshold_min numeric,
	created_at timestamptz DEFAULT now(),
	updated_at timestamptz DEFAULT now()
);

CREATE TABLE alarm_site_overrides (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	site_id text NOT NULL,
	alarm_definition_id uuid NOT NULL REFERENCES alarm_definitions ON DELETE CASCADE,
	cooldown_minutes integer,
	custom_corrective_action text,
	duration_minutes integer,
	enabled boolean,
	escalation_minutes integer,
	notification_channels text[],
	org_id text NOT NULL,
	severity_override alarm_severity,
	threshold_max numeric,
	threshold_min numeric,
	created_at timestamptz DEFAULT now(),
	updated_at timestamptz DEFAULT now()
);

CREATE TABLE alarm_test_scenarios (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	name text NOT NULL,
	description text,
	equipment_type text NOT NULL,
	expected_alarm_type text,
	expected_severity text,
	payload_sequence jsonb NOT NULL,
	scenario_id text NOT NULL,
	sensor_model text NOT NULL,
	tags text[] DEFAULT '{}',
	tier text NOT NULL,
	created_at timestamptz DEFAULT now(),
	UNIQUE (scenario_id)
);

CREATE TABLE alarm_unit_overrides (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	unit_id text NOT NULL,
	alarm_definition_id uuid NOT NULL REFERENCES alarm_definitions ON DELETE CASCADE,
	cooldown_minutes integer,
	custom_corrective_action text,
	duration_minutes integer,
	enabled boolean,
	escalation_minutes integer,
	notification_channels text[],
	org_id text NOT NULL,
	severity_override alarm_severity,
	threshold_max numeric,
	threshold_min numeric,
	created_at timestamptz DEFAULT now(),
	updated_at timestamptz DEFAULT now()
);

CREATE TABLE alert_audit_log (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	actor_type text NOT NULL DEFAULT 'system',
	actor_user_id uuid,
	alert_id uuid NOT NULL REFERENCES alerts ON DELETE CASCADE,
	details jsonb NOT NULL DEFAULT '{}',
	event_type text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE alert_rules_history (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid,
	site_id uuid,
	unit_id uuid,
	action text NOT NULL,
	alert_rules_id uuid,
	changed_at timestamptz NOT NULL DEFAULT now(),
	changed_by uuid NOT NULL,
	changes jsonb NOT NULL DEFAULT '{}',
	note text,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE alert_suppressions (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	site_id uuid REFERENCES sites ON DELETE SET NULL,
	unit_id uuid REFERENCES units ON DELETE SET NULL,
	alert_id uuid REFERENCES alerts ON DELETE SET NULL,
	alert_types text[],
	created_by uuid NOT NULL,
	custom_reason text,
	ends_at timestamptz NOT NULL,
	reason text NOT NULL,
	starts_at timestamptz NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE battery_profiles (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	battery_type text NOT NULL,
	chemistry text,
	cutoff_voltage numeric(3,2),
	mah_per_uplink numeric(6,4) NOT NULL DEFAULT 0.025,
	manufacturer text,
	model text NOT NULL,
	nominal_capacity_mah integer NOT NULL,
	nominal_voltage numeric(3,2),
	notes text,
	replacement_threshold integer NOT NULL DEFAULT 15,
	sleep_current_ua integer NOT NULL DEFAULT 5,
	usable_capacity_pct integer NOT NULL DEFAULT 85,
	voltage_curve jsonb,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (model)
);

CREATE TABLE calibration_records (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	calibrated_at timestamptz NOT NULL DEFAULT now(),
	device_id uuid NOT NULL REFERENCES devices ON DELETE CASCADE,
	measured_temp numeric(5,2) NOT NULL,
	next_calibration_due timestamptz,
	notes text,
	offset_applied numeric(4,2) NOT NULL,
	performed_by uuid,
	reference_temp numeric(5,2) NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE default_widget_layouts (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	name text NOT NULL,
	app_target text NOT NULL DEFAULT 'web',
	created_by uuid,
	equipment_type text NOT NULL,
	placements jsonb NOT NULL DEFAULT '[]',
	updated_by uuid,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (equipment_type, app_target)
);

CREATE TABLE emulator_sync_runs (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL,
	counts jsonb NOT NULL DEFAULT '{}',
	errors jsonb NOT NULL DEFAULT '[]',
	payload_summary jsonb,
	processed_at timestamptz NOT NULL DEFAULT now(),
	status text NOT NULL DEFAULT 'ok',
	sync_id text,
	synced_at timestamptz NOT NULL,
	warnings jsonb NOT NULL DEFAULT '[]',
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE entity_dashboard_layouts (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	user_id uuid NOT NULL,
	name text NOT NULL,
	entity_id uuid NOT NULL,
	entity_type text NOT NULL,
	is_user_default boolean DEFAULT false,
	layout_json jsonb NOT NULL DEFAULT '{}',
	layout_version integer DEFAULT 0,
	slot_number integer NOT NULL,
	timeline_state_json jsonb DEFAULT '{}',
	widget_prefs_json jsonb DEFAULT '{}',
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE escalation_policies (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid REFERENCES organizations ON DELETE SET NULL,
	site_id uuid REFERENCES sites ON DELETE SET NULL,
	acknowledge_stops_notifications boolean NOT NULL DEFAULT true,
	critical_owner_delay_minutes integer DEFAULT 30,
	critical_primary_delay_minutes integer NOT NULL DEFAULT 0,
	critical_secondary_delay_minutes integer DEFAULT 15,
	quiet_hours_behavior text DEFAULT 'digest',
	quiet_hours_enabled boolean NOT NULL DEFAULT false,
	quiet_hours_end time DEFAULT '06:00',
	quiet_hours_start time DEFAULT '22:00',
	repeat_notification_interval_minutes integer,
	warning_primary_delay_minutes integer NOT NULL DEFAULT 0,
	warning_secondary_delay_minutes integer,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE impersonation_sessions (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	admin_user_id uuid NOT NULL,
	end_reason text,
	ended_at timestamptz,
	expires_at timestamptz NOT NULL,
	metadata jsonb DEFAULT '{}',
	started_at timestamptz NOT NULL DEFAULT now(),
	status text NOT NULL DEFAULT 'active',
	target_org_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	target_org_name text,
	target_user_email text,
	target_user_id uuid NOT NULL,
	target_user_name text,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE in_app_notifications (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	user_id uuid NOT NULL,
	action_url text,
	alert_id uuid REFERENCES alerts ON DELETE SET NULL,
	body text NOT NULL,
	dismissed_at timestamptz,
	dismissed boolean NOT NULL DEFAULT false,
	escalation_step integer NOT NULL DEFAULT 0,
	metadata jsonb NOT NULL DEFAULT '{}',
	read_at timestamptz,
	read boolean NOT NULL DEFAULT false,
	severity text NOT NULL DEFAULT 'INFO',
	title text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE notification_deliveries (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	user_id uuid NOT NULL,
	alert_id uuid NOT NULL REFERENCES alerts ON DELETE CASCADE,
	channel notification_channel NOT NULL,
	delivered_at timestamptz,
	error_message text,
	retry_count integer NOT NULL DEFAULT 0,
	sent_at timestamptz,
	status notification_status NOT NULL DEFAULT 'pending',
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE notification_events (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	site_id uuid REFERENCES sites ON DELETE SET NULL,
	unit_id uuid REFERENCES units ON DELETE SET NULL,
	user_id uuid,
	alert_id uuid REFERENCES alerts ON DELETE SET NULL,
	channel text NOT NULL DEFAULT 'EMAIL',
	dismissed_at timestamptz,
	escalation_step_index integer,
	event_type text NOT NULL,
	provider_message_id text,
	read_at timestamptz,
	reason text,
	status text NOT NULL,
	to_recipients jsonb NOT NULL DEFAULT '[]',
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE notification_settings (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	email_enabled boolean NOT NULL DEFAULT false,
	notify_alarm_active boolean NOT NULL DEFAULT false,
	notify_low_battery boolean NOT NULL DEFAULT false,
	notify_manual_required boolean NOT NULL DEFAULT false,
	notify_offline boolean NOT NULL DEFAULT false,
	notify_temp_excursion boolean NOT NULL DEFAULT false,
	notify_warnings boolean NOT NULL DEFAULT false,
	recipients text[] NOT NULL DEFAULT '{}',
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (organization_id)
);

CREATE TABLE org_cleanup_jobs (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL,
	attempts integer NOT NULL DEFAULT 0,
	completed_at timestamptz,
	created_by uuid,
	dependent_counts jsonb DEFAULT '{}',
	last_error text,
	reason text NOT NULL,
	status text NOT NULL DEFAULT 'PENDING',
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE org_sync_state (
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE PRIMARY KEY,
	is_dirty boolean NOT NULL DEFAULT true,
	last_change_at timestamptz NOT NULL DEFAULT now(),
	last_synced_at timestamptz,
	last_synced_version integer,
	sync_version integer NOT NULL DEFAULT 1
);

CREATE TABLE pairing_sessions (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	unit_id uuid NOT NULL REFERENCES units ON DELETE CASCADE,
	completed_at timestamptz,
	device_id uuid REFERENCES devices ON DELETE SET NULL,
	error_message text,
	expires_at timestamptz NOT NULL DEFAULT now() + interval '5 minutes',
	hub_id uuid NOT NULL REFERENCES hubs ON DELETE CASCADE,
	initiated_by uuid,
	started_at timestamptz NOT NULL DEFAULT now(),
	status pairing_status NOT NULL DEFAULT 'pending',
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE pilot_feedback (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	site_id uuid REFERENCES sites ON DELETE SET NULL,
	alert_fatigue_rating integer,
	logging_speed_rating integer,
	notes text,
	report_usefulness_rating integer,
	submitted_by uuid NOT NULL,
	week_start date NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE platform_roles (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	user_id uuid NOT NULL,
	granted_at timestamptz NOT NULL DEFAULT now(),
	granted_by uuid,
	role platform_role NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sensor_cleanup_queue (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL,
	deleted_user_id uuid NOT NULL,
	dev_eui text NOT NULL,
	error_message text,
	processed_at timestamptz,
	sensor_id uuid NOT NULL,
	sensor_name text NOT NULL,
	ttn_application_id text,
	ttn_device_id text,
	created_at timestamptz DEFAULT now()
);

CREATE TABLE sensor_configurations (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	alarm_check_minutes integer,
	alarm_enabled boolean DEFAULT false,
	alarm_high numeric(6,2),
	alarm_low numeric(6,2),
	confirmed_uplink_interval_s integer,
	default_fport integer DEFAULT 2,
	ext_mode text,
	last_applied_at timestamptz,
	override_unit_alarm boolean DEFAULT false,
	pending_change_id uuid,
	sensor_id uuid NOT NULL REFERENCES lora_sensors ON DELETE CASCADE,
	time_sync_days integer,
	time_sync_enabled boolean DEFAULT true,
	uplink_interval_s integer,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (sensor_id)
);

CREATE TABLE sensor_dashboard_layouts_archived (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL,
	user_id uuid NOT NULL,
	name text NOT NULL,
	is_user_default boolean DEFAULT false,
	layout_json jsonb NOT NULL DEFAULT '{}',
	layout_version integer DEFAULT 0,
	sensor_id uuid NOT NULL,
	timeline_state_json jsonb DEFAULT '{}',
	widget_prefs_json jsonb DEFAULT '{}',
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sensor_pending_changes (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	applied_at timestamptz,
	change_type sensor_change_type NOT NULL,
	command_params jsonb,
	debug_response jsonb,
	expected_result text,
	failed_at timestamptz,
	requested_at timestamptz NOT NULL DEFAULT now(),
	requested_by_email text,
	requested_by uuid,
	requested_fport integer DEFAULT 2,
	requested_payload_hex text NOT NULL,
	sensor_id uuid NOT NULL REFERENCES lora_sensors ON DELETE CASCADE,
	sent_at timestamptz,
	status sensor_change_status NOT NULL DEFAULT 'queued',
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE simulated_devices (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	unit_id uuid NOT NULL REFERENCES units ON DELETE CASCADE,
	battery_level integer DEFAULT 100,
	created_by uuid,
	current_humidity numeric DEFAULT 45,
	current_temperature numeric DEFAULT 38,
	device_id uuid REFERENCES devices ON DELETE SET NULL,
	door_cycle_closed_seconds integer DEFAULT 600,
	door_cycle_enabled boolean DEFAULT false,
	door_cycle_next_change_at timestamptz,
	door_cycle_open_seconds integer DEFAULT 30,
	door_open_since timestamptz,
	door_sensor_present boolean DEFAULT false,
	door_state text DEFAULT 'closed',
	is_active boolean DEFAULT false,
	last_heartbeat_at timestamptz,
	next_reading_at timestamptz,
	sensor_online boolean DEFAULT false,
	sensor_paired boolean DEFAULT false,
	signal_strength integer DEFAULT -60,
	streaming_enabled boolean DEFAULT false,
	streaming_interval_seconds integer DEFAULT 60,
	created_at timestamptz DEFAULT now(),
	updated_at timestamptz DEFAULT now()
);

CREATE TABLE sms_alert_log (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	user_id uuid,
	alert_id uuid REFERENCES alerts ON DELETE SET NULL,
	alert_type text NOT NULL,
	delivery_updated_at timestamptz,
	error_message text,
	from_number text,
	message text NOT NULL,
	phone_number text NOT NULL,
	provider_message_id text,
	status text NOT NULL DEFAULT 'pending',
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE telnyx_webhook_config (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid REFERENCES organizations ON DELETE SET NULL,
	last_error text,
	last_event_at timestamptz,
	status text NOT NULL DEFAULT 'pending',
	webhook_id text,
	webhook_url text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE telnyx_webhook_events (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	event_id text NOT NULL,
	event_type text NOT NULL,
	message_id text,
	payload jsonb NOT NULL DEFAULT '{}',
	processed boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (event_id)
);

CREATE TABLE ttn_cleanup_log (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL,
	action text NOT NULL,
	cluster text,
	dev_eui text NOT NULL,
	error_message text,
	job_id uuid,
	sensor_id uuid,
	status text NOT NULL,
	ttn_endpoint text,
	ttn_response jsonb,
	ttn_status_code integer,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE ttn_provisioning_logs (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL,
	duration_ms integer,
	error_category text,
	message text,
	payload jsonb,
	request_id text,
	status text NOT NULL,
	step text NOT NULL,
	ttn_endpoint text,
	ttn_http_status integer,
	ttn_response_body text,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE unit_settings_history (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	unit_id uuid NOT NULL REFERENCES units ON DELETE CASCADE,
	changed_at timestamptz NOT NULL DEFAULT now(),
	changed_by uuid NOT NULL,
	changes jsonb NOT NULL,
	note text,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE ttn_deprovision_runs (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL,
	action text NOT NULL DEFAULT 'DEPROVISION',
	error text,
	finished_at timestamptz,
	request_id text,
	requested_by uuid,
	source text NOT NULL DEFAULT 'UI',
	started_at timestamptz,
	status text NOT NULL DEFAULT 'QUEUED',
	summary jsonb NOT NULL DEFAULT '{}',
	ttn_application_id text,
	ttn_org_id text,
	ttn_region text,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE ttn_deprovision_run_steps (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	attempt integer NOT NULL DEFAULT 1,
	finished_at timestamptz,
	http_status integer,
	meta jsonb NOT NULL DEFAULT '{}',
	response_snippet text,
	run_id uuid NOT NULL REFERENCES ttn_deprovision_runs ON DELETE CASCADE,
	started_at timestamptz,
	status text NOT NULL DEFAULT 'PENDING',
	step_name text NOT NULL,
	target_id text,
	target_type text,
	ttn_endpoint text,
	created_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE calibration_records ADD FOREIGN KEY (performed_by) REFERENCES auth.users ON DELETE SET NULL;
ALTER TABLE platform_roles ADD FOREIGN KEY (user_id) REFERENCES auth.users ON DELETE CASCADE;
ALTER TABLE platform_roles ADD FOREIGN KEY (granted_by) REFERENCES auth.users ON DELETE SET NULL;
CREATE INDEX ON notification_deliveries (alert_id);
CREATE INDEX ON in_app_notifications (user_id);

DO $$
DECLARE
	owned record;
BEGIN
	FOR owned IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND NOT rowsecurity LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned.tablename);
	END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO anon, authenticated, service_role;
RESET ROLE;
