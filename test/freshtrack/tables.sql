-- The project's own reduced schema of the old FreshTrack: 28 of the product's 68
-- tables, with their column names and types, for rehearsals and tests. It stands
-- alone: no reference to auth.*, no triggers, nothing of Supabase, so that it
-- makes the source (PostgreSQL 15) and a target of its shape (PostgreSQL 17)
-- alike. What only the source has is in supabase.sql, seeded rows in seeds.sql,
-- the new system's schema in new-schema.sql.
-- Columns that name a person (user_id, created_by, …) are plain uuid here.

CREATE TYPE app_role AS ENUM ('owner', 'admin', 'manager', 'staff', 'viewer', 'inspector');
CREATE TYPE compliance_mode AS ENUM ('standard', 'haccp');
CREATE TYPE unit_type AS ENUM ('fridge', 'freezer', 'display_case', 'walk_in_cooler', 'walk_in_freezer', 'blast_chiller');
CREATE TYPE unit_status AS ENUM ('ok', 'excursion', 'alarm_active', 'monitoring_interrupted', 'manual_required', 'restoring', 'offline');
CREATE TYPE device_status AS ENUM ('active', 'inactive', 'pairing', 'fault', 'low_battery');
CREATE TYPE gateway_status AS ENUM ('pending', 'online', 'offline', 'maintenance');
CREATE TYPE lora_sensor_type AS ENUM ('temperature', 'temperature_humidity', 'door', 'combo', 'contact', 'motion');
CREATE TYPE lora_sensor_status AS ENUM ('pending', 'joining', 'active', 'offline', 'fault');
CREATE TYPE alert_type AS ENUM ('alarm_active', 'monitoring_interrupted', 'missed_manual_entry', 'low_battery', 'sensor_fault', 'door_open', 'calibration_due', 'suspected_cooling_failure', 'temp_excursion');
CREATE TYPE alert_severity AS ENUM ('info', 'warning', 'critical');
CREATE TYPE alert_status AS ENUM ('active', 'acknowledged', 'resolved', 'escalated');
CREATE TYPE alarm_category AS ENUM ('temperature', 'door', 'connectivity', 'power', 'compliance');
CREATE TYPE alarm_subcategory AS ENUM ('limit', 'trend', 'duration', 'pattern', 'absence', 'health');
CREATE TYPE alarm_severity AS ENUM ('info', 'warning', 'critical', 'emergency');
CREATE TYPE alarm_sensor_type AS ENUM ('temperature', 'humidity', 'door', 'gateway', 'manual');
CREATE TYPE alarm_unit_type AS ENUM ('fridge', 'freezer', 'display_case', 'walk_in', 'any');
CREATE TYPE detection_tier AS ENUM ('tier_1', 'tier_2', 'tier_3');

CREATE TABLE organizations (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	name text NOT NULL,
	accent_color text DEFAULT '#0097a7',
	compliance_mode compliance_mode NOT NULL DEFAULT 'standard',
	logo_url text,
	slug text NOT NULL,
	timezone text NOT NULL DEFAULT 'UTC',
	ttn_application_created boolean DEFAULT false,
	ttn_application_id text,
	ttn_webhook_configured boolean DEFAULT false,
	units_preference text NOT NULL DEFAULT 'imperial',
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	deleted_at timestamptz,
	deleted_by uuid
);

CREATE TABLE profiles (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid REFERENCES organizations ON DELETE SET NULL,
	user_id uuid NOT NULL,
	site_id uuid,
	unit_id uuid,
	avatar_url text,
	email text NOT NULL,
	full_name text,
	notification_preferences jsonb DEFAULT '{}',
	phone text,
	quiet_hours_allow_critical boolean DEFAULT false,
	quiet_hours_enabled boolean DEFAULT false,
	quiet_hours_end time,
	quiet_hours_start time,
	quiet_hours_timezone text,
	vacation_alternate_user_id uuid,
	vacation_mode boolean DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE user_roles (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	user_id uuid NOT NULL,
	role app_role NOT NULL DEFAULT 'viewer',
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sites (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	name text NOT NULL,
	address text,
	city text,
	compliance_mode text DEFAULT 'standard',
	corrective_action_required boolean DEFAULT false,
	country text DEFAULT 'US',
	is_active boolean NOT NULL DEFAULT true,
	latitude numeric(10,8),
	longitude numeric(11,8),
	manual_log_cadence_seconds integer DEFAULT 14400,
	postal_code text,
	state text,
	timezone text NOT NULL DEFAULT 'UTC',
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	deleted_at timestamptz,
	deleted_by uuid
);

CREATE TABLE areas (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	site_id uuid NOT NULL REFERENCES sites ON DELETE CASCADE,
	name text NOT NULL,
	description text,
	is_active boolean NOT NULL DEFAULT true,
	sort_order integer NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	deleted_at timestamptz,
	deleted_by uuid
);

CREATE TABLE units (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	area_id uuid NOT NULL REFERENCES areas ON DELETE CASCADE,
	name text NOT NULL,
	checkin_interval_minutes integer DEFAULT 5,
	confirm_time_door_closed integer NOT NULL DEFAULT 600,
	confirm_time_door_open integer NOT NULL DEFAULT 1200,
	consecutive_checkins integer DEFAULT 0,
	door_last_changed_at timestamptz,
	door_open_grace_minutes integer DEFAULT 20,
	door_sensor_enabled boolean DEFAULT false,
	door_state text DEFAULT 'unknown',
	is_active boolean NOT NULL DEFAULT true,
	last_checkin_at timestamptz,
	last_manual_log_at timestamptz,
	last_reading_at timestamptz,
	last_status_change timestamptz DEFAULT now(),
	last_temp_reading numeric(5,2),
	make text,
	manual_log_cadence integer NOT NULL DEFAULT 14400,
	manual_logging_enabled boolean DEFAULT true,
	max_excursion_duration integer NOT NULL DEFAULT 3600,
	model text,
	notes text,
	sensor_reliable boolean DEFAULT true,
	serial_number text,
	status unit_status NOT NULL DEFAULT 'offline',
	temp_hysteresis numeric(3,2) NOT NULL DEFAULT 1.0,
	temp_limit_high numeric(5,2) NOT NULL DEFAULT 41.0,
	temp_limit_low numeric(5,2),
	unit_type unit_type NOT NULL DEFAULT 'fridge',
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	deleted_at timestamptz,
	deleted_by uuid
);

CREATE TABLE hubs (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	site_id uuid NOT NULL REFERENCES sites ON DELETE CASCADE,
	name text NOT NULL,
	firmware_version text,
	ip_address text,
	is_online boolean NOT NULL DEFAULT false,
	last_seen_at timestamptz,
	mac_address text,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE devices (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid REFERENCES organizations ON DELETE SET NULL,
	unit_id uuid REFERENCES units ON DELETE SET NULL,
	battery_last_reported_at timestamptz,
	battery_level integer,
	battery_voltage numeric,
	calibration_offset numeric(4,2) DEFAULT 0,
	firmware_version text,
	hub_id uuid REFERENCES hubs ON DELETE SET NULL,
	last_calibrated_at timestamptz,
	last_seen_at timestamptz,
	mac_address text,
	serial_number text NOT NULL,
	signal_strength integer,
	status device_status NOT NULL DEFAULT 'inactive',
	transmit_interval integer NOT NULL DEFAULT 300,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	deleted_at timestamptz,
	deleted_by uuid
);

CREATE TABLE gateways (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	site_id uuid REFERENCES sites ON DELETE SET NULL,
	name text NOT NULL,
	created_by uuid,
	description text,
	gateway_eui text NOT NULL,
	last_provision_check_at timestamptz,
	last_provision_check_error text,
	last_seen_at timestamptz,
	provisioning_state text DEFAULT 'pending',
	signal_quality jsonb,
	status gateway_status NOT NULL DEFAULT 'pending',
	ttn_application_id text,
	ttn_gateway_id text,
	ttn_last_error text,
	ttn_registered_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sensor_catalog (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	manufacturer text NOT NULL,
	model text NOT NULL,
	model_variant text,
	display_name text NOT NULL,
	description text,
	sensor_kind text NOT NULL DEFAULT 'temp',
	subcategory text,
	decode_mode text NOT NULL DEFAULT 'catalog',
	decoded_fields jsonb DEFAULT '[]',
	battery_info jsonb DEFAULT '{}',
	f_ports jsonb DEFAULT '[]',
	frequency_bands text[] DEFAULT '{US915}',
	industries text[] DEFAULT '{}',
	tags text[] DEFAULT '{}',
	is_supported boolean DEFAULT true,
	is_visible boolean DEFAULT true,
	lorawan_version text DEFAULT '1.0.3',
	revision integer NOT NULL DEFAULT 1,
	sample_payloads jsonb DEFAULT '[]',
	sort_order integer DEFAULT 100,
	temperature_unit text NOT NULL DEFAULT 'C',
	notes text,
	deprecated_at timestamptz,
	created_by uuid,
	created_at timestamptz DEFAULT now(),
	updated_at timestamptz DEFAULT now()
);

CREATE TABLE lora_sensors (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	site_id uuid REFERENCES sites ON DELETE SET NULL,
	unit_id uuid REFERENCES units ON DELETE SET NULL,
	name text NOT NULL,
	app_eui text,
	app_key text,
	battery_health_state text DEFAULT 'OK',
	battery_level integer,
	battery_voltage_filtered numeric(4,3),
	battery_voltage numeric(4,3),
	created_by uuid,
	decode_mode_override text,
	description text,
	dev_eui text NOT NULL,
	firmware_version text,
	is_primary boolean NOT NULL DEFAULT false,
	last_join_at timestamptz,
	last_provision_check_at timestamptz,
	last_provision_check_error text,
	last_seen_at timestamptz,
	manufacturer text,
	model text,
	provisioned_source text,
	provisioning_state text NOT NULL DEFAULT 'pending',
	sensor_catalog_id uuid REFERENCES sensor_catalog ON DELETE SET NULL,
	sensor_type lora_sensor_type NOT NULL DEFAULT 'temperature',
	signal_strength integer,
	status lora_sensor_status NOT NULL DEFAULT 'pending',
	ttn_application_id text,
	ttn_cluster text,
	ttn_device_id text,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	deleted_at timestamptz,
	deleted_by uuid
);

CREATE TABLE sensor_readings (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	unit_id uuid NOT NULL REFERENCES units ON DELETE CASCADE,
	device_id uuid REFERENCES devices ON DELETE SET NULL,
	lora_sensor_id uuid REFERENCES lora_sensors ON DELETE SET NULL,
	app_decoded_payload jsonb,
	battery_level integer,
	battery_voltage numeric(4,3),
	decode_match boolean,
	decode_mismatch_reason text,
	decoder_errors jsonb,
	decoder_id text,
	decoder_warnings jsonb,
	door_open boolean DEFAULT false,
	f_port integer,
	frm_payload_base64 text,
	humidity numeric(5,2),
	network_decoded_payload jsonb,
	raw_payload_hex text,
	received_at timestamptz NOT NULL DEFAULT now(),
	recorded_at timestamptz NOT NULL DEFAULT now(),
	signal_strength integer,
	source text DEFAULT 'ttn',
	temperature numeric(5,2)
);

CREATE TABLE alerts (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	site_id uuid REFERENCES sites ON DELETE SET NULL,
	area_id uuid REFERENCES areas ON DELETE SET NULL,
	unit_id uuid NOT NULL REFERENCES units ON DELETE CASCADE,
	title text NOT NULL,
	ack_required boolean DEFAULT false,
	acknowledged_at timestamptz,
	acknowledged_by uuid,
	acknowledgment_notes text,
	alert_type alert_type NOT NULL,
	correlated_with_alert_id uuid REFERENCES alerts ON DELETE SET NULL,
	escalation_level integer NOT NULL DEFAULT 0,
	escalation_steps_sent jsonb DEFAULT '[]',
	first_active_at timestamptz,
	last_notified_at timestamptz,
	last_notified_reason text,
	message text,
	metadata jsonb DEFAULT '{}',
	next_escalation_at timestamptz,
	resolution_type text,
	resolved_at timestamptz,
	resolved_by uuid,
	sensor_dev_eui text,
	severity alert_severity NOT NULL DEFAULT 'warning',
	source text DEFAULT 'system',
	status alert_status NOT NULL DEFAULT 'active',
	temp_limit numeric(5,2),
	temp_reading numeric(5,2),
	triggered_at timestamptz NOT NULL DEFAULT now(),
	triggered_by_device_id uuid REFERENCES devices ON DELETE SET NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE alert_rules (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid REFERENCES organizations ON DELETE SET NULL,
	site_id uuid REFERENCES sites ON DELETE SET NULL,
	unit_id uuid REFERENCES units ON DELETE SET NULL,
	door_open_critical_minutes integer DEFAULT 15,
	door_open_max_mask_minutes_per_day integer DEFAULT 60,
	door_open_warning_minutes integer DEFAULT 5,
	excursion_confirm_minutes_door_closed integer DEFAULT 10,
	excursion_confirm_minutes_door_open integer DEFAULT 20,
	expected_reading_interval_seconds integer DEFAULT 300,
	manual_grace_minutes integer DEFAULT 0,
	manual_interval_minutes integer,
	manual_log_missed_checkins_threshold integer DEFAULT 5,
	max_excursion_minutes integer DEFAULT 60,
	offline_critical_missed_checkins integer DEFAULT 5,
	offline_trigger_additional_minutes integer DEFAULT 2,
	offline_trigger_multiplier numeric(3,1) DEFAULT 2.0,
	offline_warning_missed_checkins integer DEFAULT 1,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE corrective_actions (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	unit_id uuid NOT NULL REFERENCES units ON DELETE CASCADE,
	action_taken text NOT NULL,
	alert_id uuid REFERENCES alerts ON DELETE SET NULL,
	completed_at timestamptz NOT NULL DEFAULT now(),
	created_by uuid,
	photo_urls text[],
	preventive_measures text,
	root_cause text,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE manual_temperature_logs (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	unit_id uuid NOT NULL REFERENCES units ON DELETE CASCADE,
	is_in_range boolean,
	logged_at timestamptz NOT NULL DEFAULT now(),
	logged_by uuid,
	notes text,
	photo_url text,
	temperature numeric(5,2) NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE door_events (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	unit_id uuid NOT NULL REFERENCES units ON DELETE CASCADE,
	metadata jsonb DEFAULT '{}',
	occurred_at timestamptz NOT NULL DEFAULT now(),
	source text DEFAULT 'ttn',
	state text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE event_logs (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	site_id uuid,
	area_id uuid,
	unit_id uuid,
	title text,
	acting_user_id uuid,
	actor_id uuid,
	actor_type text DEFAULT 'system',
	category text DEFAULT 'system',
	event_data jsonb NOT NULL DEFAULT '{}',
	event_hash text,
	event_type text NOT NULL,
	impersonation_session_id uuid,
	ip_address text,
	previous_hash text,
	recorded_at timestamptz NOT NULL DEFAULT now(),
	severity text DEFAULT 'info',
	user_agent text,
	was_impersonated boolean DEFAULT false
);

CREATE TABLE alarm_definitions (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	ai_hints text[] DEFAULT '{}',
	applicable_sensor_types alarm_sensor_type[] NOT NULL DEFAULT '{}',
	applicable_unit_types alarm_unit_type[] NOT NULL DEFAULT '{}',
	category alarm_category NOT NULL,
	color text,
	confidence_level text NOT NULL DEFAULT 'medium',
	cooldown_minutes integer DEFAULT 30,
	corrective_action_text text,
	description text NOT NULL,
	detection_tier detection_tier NOT NULL DEFAULT 'tier_1',
	display_name text NOT NULL,
	duration_minutes integer,
	emulator_enabled boolean DEFAULT true,
	emulator_payload jsonb,
	enabled_by_default boolean DEFAULT true,
	escalation_minutes integer,
	escalation_to text,
	eval_field text,
	eval_logic text,
	eval_params jsonb DEFAULT '{}',
	haccp_category text,
	icon_name text,
	is_system boolean DEFAULT true,
	notification_channels text[] DEFAULT '{in_app,email}',
	notification_template text,
	regulatory_reference text,
	required_sensors text NOT NULL,
	requires_corrective_action boolean DEFAULT false,
	severity alarm_severity NOT NULL DEFAULT 'warning',
	short_description text,
	slug text NOT NULL,
	sort_order integer NOT NULL DEFAULT 0,
	subcategory alarm_subcategory NOT NULL,
	tags text[] DEFAULT '{}',
	threshold_max numeric,
	threshold_min numeric,
	threshold_unit text,
	what_it_might_mean text,
	what_we_observe text NOT NULL,
	created_at timestamptz DEFAULT now(),
	updated_at timestamptz DEFAULT now()
);

CREATE TABLE alarm_evaluation_log (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	site_id text,
	unit_id text NOT NULL,
	alarm_slug text NOT NULL,
	cooldown_active boolean DEFAULT false,
	dedup_hit boolean DEFAULT false,
	detection_tier text NOT NULL,
	dev_eui text,
	eval_detail jsonb DEFAULT '{}',
	eval_duration_ms integer,
	fired boolean NOT NULL DEFAULT false,
	org_id text NOT NULL,
	threshold_max numeric,
	threshold_min numeric,
	trigger_value numeric,
	created_at timestamptz DEFAULT now()
);

CREATE TABLE notification_policies (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid REFERENCES organizations ON DELETE SET NULL,
	site_id uuid REFERENCES sites ON DELETE SET NULL,
	unit_id uuid REFERENCES units ON DELETE SET NULL,
	ack_deadline_minutes integer,
	alert_type text NOT NULL,
	allow_warning_notifications boolean NOT NULL DEFAULT false,
	escalation_steps jsonb NOT NULL DEFAULT '[]',
	initial_channels text[] NOT NULL DEFAULT '{IN_APP_CENTER}',
	notify_assigned_users boolean DEFAULT false,
	notify_roles text[] DEFAULT '{owner,admin}',
	notify_site_managers boolean DEFAULT true,
	quiet_hours_enabled boolean NOT NULL DEFAULT false,
	quiet_hours_end_local time,
	quiet_hours_start_local time,
	reminder_interval_minutes integer,
	reminders_enabled boolean NOT NULL DEFAULT false,
	requires_ack boolean NOT NULL DEFAULT false,
	send_resolved_notifications boolean NOT NULL DEFAULT false,
	severity_threshold text NOT NULL DEFAULT 'WARNING',
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE escalation_contacts (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	user_id uuid,
	name text NOT NULL,
	email text,
	is_active boolean NOT NULL DEFAULT true,
	notification_channels text[] NOT NULL DEFAULT '{email}',
	phone text,
	priority integer NOT NULL DEFAULT 1,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE inspector_sessions (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	allowed_site_ids uuid[],
	created_by uuid NOT NULL,
	expires_at timestamptz NOT NULL DEFAULT now() + interval '30 days',
	is_active boolean NOT NULL DEFAULT true,
	last_used_at timestamptz,
	token text NOT NULL DEFAULT md5(gen_random_uuid()::text),
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE unit_dashboard_layouts (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	user_id uuid NOT NULL,
	unit_id uuid NOT NULL REFERENCES units ON DELETE CASCADE,
	name text NOT NULL,
	is_user_default boolean DEFAULT false,
	layout_json jsonb NOT NULL DEFAULT '{}',
	shared_with_roles app_role[] DEFAULT '{}',
	timeline_state_json jsonb DEFAULT '{}',
	visibility text DEFAULT 'private',
	widget_prefs_json jsonb DEFAULT '{}',
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE ttn_connections (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	is_enabled boolean DEFAULT false,
	ttn_region text DEFAULT 'nam1',
	ttn_application_id text,
	ttn_webhook_id text DEFAULT 'freshtracker',
	ttn_webhook_url text,
	webhook_secret text NOT NULL,
	ttn_webhook_events text[] DEFAULT '{uplink_message,join_accept}',
	provisioning_status text DEFAULT 'not_started',
	provisioning_attempt_count integer NOT NULL DEFAULT 0,
	provisioning_step_details jsonb,
	last_connection_test_at timestamptz,
	last_connection_test_result jsonb,
	ttn_api_key_last4 text,
	ttn_gateway_api_key_last4 varchar(4),
	created_by uuid,
	updated_by uuid,
	created_at timestamptz DEFAULT now(),
	updated_at timestamptz DEFAULT now()
);

CREATE TABLE ttn_deprovision_jobs (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL,
	site_id uuid,
	unit_id uuid,
	attempts integer NOT NULL DEFAULT 0,
	completed_at timestamptz,
	created_by uuid,
	dev_eui text NOT NULL,
	last_error_code text,
	last_error_message text,
	last_error_payload jsonb,
	max_attempts integer NOT NULL DEFAULT 5,
	next_retry_at timestamptz,
	reason text NOT NULL,
	sensor_id uuid,
	sensor_name text,
	status text NOT NULL DEFAULT 'PENDING',
	ttn_application_id text NOT NULL,
	ttn_device_id text,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE super_admin_audit_log (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	action_type text NOT NULL,
	actor_user_id uuid NOT NULL,
	impersonated_user_id uuid,
	ip_address inet,
	metadata jsonb DEFAULT '{}',
	target_id uuid,
	target_organization_id uuid,
	target_type text,
	user_agent text,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE user_sync_log (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	user_id uuid NOT NULL,
	attempts integer DEFAULT 0,
	event_type text NOT NULL,
	last_error text,
	payload jsonb NOT NULL,
	sent_at timestamptz,
	status text NOT NULL DEFAULT 'pending',
	created_at timestamptz DEFAULT now()
);

ALTER TABLE profiles ADD FOREIGN KEY (site_id) REFERENCES sites ON DELETE SET NULL;
ALTER TABLE profiles ADD FOREIGN KEY (unit_id) REFERENCES units ON DELETE SET NULL;

ALTER TABLE organizations ADD UNIQUE (slug);
ALTER TABLE profiles ADD UNIQUE (user_id);
ALTER TABLE user_roles ADD UNIQUE (user_id, organization_id, role);
ALTER TABLE devices ADD UNIQUE (serial_number);
ALTER TABLE gateways ADD UNIQUE (gateway_eui);
ALTER TABLE sensor_catalog ADD UNIQUE (manufacturer, model);
ALTER TABLE lora_sensors ADD UNIQUE (dev_eui);
ALTER TABLE alarm_definitions ADD UNIQUE (slug);
ALTER TABLE inspector_sessions ADD UNIQUE (token);
ALTER TABLE ttn_connections ADD UNIQUE (organization_id);
ALTER TABLE door_events ADD CHECK (state IN ('open', 'closed'));

CREATE INDEX ON user_roles (organization_id);
CREATE INDEX ON sites (organization_id);
CREATE INDEX ON areas (site_id);
CREATE INDEX ON units (area_id);
CREATE INDEX ON sensor_readings (unit_id, recorded_at DESC);
CREATE INDEX ON sensor_readings (lora_sensor_id, recorded_at DESC);
CREATE INDEX ON sensor_readings (recorded_at);
CREATE INDEX ON alerts (organization_id, triggered_at DESC);
CREATE INDEX ON alerts (unit_id) WHERE status IN ('active', 'escalated');
CREATE INDEX ON alerts (correlated_with_alert_id) WHERE correlated_with_alert_id IS NOT NULL;
CREATE INDEX ON door_events (unit_id, occurred_at DESC);
CREATE INDEX ON manual_temperature_logs (unit_id, logged_at DESC);
CREATE INDEX ON event_logs (organization_id, recorded_at DESC);
CREATE INDEX ON alarm_evaluation_log (unit_id, created_at);
CREATE INDEX ON profiles (lower(email));
