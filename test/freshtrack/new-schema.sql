-- The new side's schema as its backend expects it: the 29 tables of the product's
-- new system with their columns, types and NOT NULLs, for rehearsals and tests
-- (PostgreSQL 17). It differs from the old one on purpose: instants to the
-- millisecond, temperatures of limits in whole tenths of a degree, labels fewer.
-- Columns that name a person hold either the new user id (user_id) or the id of
-- a profile, as the references say.

CREATE TYPE app_role AS ENUM ('owner', 'admin', 'manager', 'staff', 'viewer');
CREATE TYPE compliance_mode AS ENUM ('standard', 'haccp');
CREATE TYPE unit_type AS ENUM ('fridge', 'freezer', 'display_case', 'walk_in_cooler', 'walk_in_freezer', 'blast_chiller');
CREATE TYPE unit_status AS ENUM ('ok', 'excursion', 'alarm_active', 'monitoring_interrupted', 'manual_required', 'restoring', 'offline');
CREATE TYPE temp_unit AS ENUM ('F', 'C');
CREATE TYPE device_status AS ENUM ('active', 'inactive', 'pairing', 'error');
CREATE TYPE pairing_status AS ENUM ('pending', 'completed', 'failed', 'expired');
CREATE TYPE gateway_status AS ENUM ('online', 'offline', 'disconnected', 'unknown');
CREATE TYPE alert_type AS ENUM ('alarm_active', 'monitoring_interrupted', 'missed_manual_entry', 'low_battery', 'sensor_fault', 'door_open', 'calibration_due');
CREATE TYPE alert_severity AS ENUM ('info', 'warning', 'critical');
CREATE TYPE alert_status AS ENUM ('active', 'acknowledged', 'resolved', 'escalated');
CREATE TYPE notification_channel AS ENUM ('push', 'email', 'sms');
CREATE TYPE notification_status AS ENUM ('pending', 'sent', 'delivered', 'failed');
CREATE TYPE subscription_plan AS ENUM ('starter', 'pro', 'haccp', 'enterprise');
CREATE TYPE subscription_status AS ENUM ('trial', 'active', 'past_due', 'canceled', 'paused');

CREATE TABLE organizations (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	name varchar(256) NOT NULL,
	compliance_mode compliance_mode NOT NULL DEFAULT 'standard',
	deleted_at timestamptz,
	logo_url text,
	sensor_limit integer NOT NULL DEFAULT 10,
	slug varchar(256) NOT NULL,
	timezone varchar(100) NOT NULL DEFAULT 'UTC',
	created_at timestamptz(3) NOT NULL DEFAULT now(),
	updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE profiles (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	avatar_url text,
	digest_daily_time varchar(5) NOT NULL DEFAULT '09:00',
	digest_daily boolean NOT NULL DEFAULT false,
	digest_site_ids text,
	digest_weekly boolean NOT NULL DEFAULT false,
	email_enabled boolean NOT NULL DEFAULT true,
	email varchar(256) NOT NULL,
	full_name varchar(256),
	phone_verified boolean NOT NULL DEFAULT false,
	phone varchar(50),
	push_enabled boolean NOT NULL DEFAULT true,
	sms_enabled boolean NOT NULL DEFAULT false,
	timezone varchar(64) NOT NULL DEFAULT 'UTC',
	user_id uuid NOT NULL,
	created_at timestamptz(3) NOT NULL DEFAULT now(),
	updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE user_roles (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	role app_role NOT NULL DEFAULT 'viewer',
	user_id uuid NOT NULL,
	created_at timestamptz(3) NOT NULL DEFAULT now(),
	updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE sites (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	name varchar(256) NOT NULL,
	address text,
	city varchar(128),
	country varchar(64),
	is_active boolean NOT NULL DEFAULT true,
	latitude varchar(32),
	longitude varchar(32),
	postal_code varchar(20),
	state varchar(64),
	timezone varchar(100) NOT NULL DEFAULT 'UTC',
	created_at timestamptz(3) NOT NULL DEFAULT now(),
	updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE areas (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	site_id uuid NOT NULL REFERENCES sites ON DELETE CASCADE,
	name varchar(256) NOT NULL,
	description text,
	is_active boolean NOT NULL DEFAULT true,
	sort_order integer NOT NULL DEFAULT 0,
	created_at timestamptz(3) NOT NULL DEFAULT now(),
	updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE units (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	area_id uuid NOT NULL REFERENCES areas ON DELETE CASCADE,
	name varchar(256) NOT NULL,
	is_active boolean NOT NULL DEFAULT true,
	last_reading_at timestamptz(3),
	last_temperature integer,
	manual_monitoring_interval integer,
	manual_monitoring_required boolean NOT NULL DEFAULT false,
	sort_order integer NOT NULL DEFAULT 0,
	status unit_status NOT NULL DEFAULT 'ok',
	temp_max integer NOT NULL,
	temp_min integer NOT NULL,
	temp_unit temp_unit NOT NULL DEFAULT 'F',
	unit_type unit_type NOT NULL,
	created_at timestamptz(3) NOT NULL DEFAULT now(),
	updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE hubs (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	site_id uuid NOT NULL REFERENCES sites ON DELETE CASCADE,
	name varchar(256) NOT NULL,
	firmware_version varchar(32),
	is_active boolean NOT NULL DEFAULT true,
	is_online boolean NOT NULL DEFAULT false,
	last_seen_at timestamptz(3),
	mac_address varchar(17),
	created_at timestamptz(3) NOT NULL DEFAULT now(),
	updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE devices (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	hub_id uuid REFERENCES hubs ON DELETE SET NULL,
	unit_id uuid REFERENCES units ON DELETE SET NULL,
	name varchar(256),
	battery integer,
	device_eui varchar(32) NOT NULL,
	device_type varchar(64),
	firmware_version varchar(32),
	is_active boolean NOT NULL DEFAULT true,
	last_seen_at timestamptz(3),
	signal_strength integer,
	status device_status NOT NULL DEFAULT 'inactive',
	created_at timestamptz(3) NOT NULL DEFAULT now(),
	updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE lora_sensors (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	device_id uuid NOT NULL REFERENCES devices ON DELETE CASCADE,
	activation_type varchar(16) DEFAULT 'OTAA',
	app_eui varchar(32) NOT NULL,
	app_key varchar(64),
	dev_eui varchar(32) NOT NULL,
	join_eui varchar(32),
	last_join_at timestamptz(3),
	network_server_id varchar(128),
	created_at timestamptz(3) NOT NULL DEFAULT now(),
	updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE calibration_records (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	device_id uuid NOT NULL REFERENCES devices ON DELETE CASCADE,
	calibrated_at timestamptz(3) NOT NULL,
	calibrated_by uuid,
	certificate_url text,
	expires_at timestamptz(3),
	humidity_offset integer,
	notes text,
	reference_temperature integer,
	temperature_offset integer,
	created_at timestamptz(3) NOT NULL DEFAULT now(),
	updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE pairing_sessions (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	device_id uuid REFERENCES devices ON DELETE CASCADE,
	completed_at timestamptz(3),
	expires_at timestamptz(3) NOT NULL,
	metadata text,
	pairing_code varchar(16),
	started_at timestamptz(3) NOT NULL DEFAULT now(),
	status pairing_status NOT NULL DEFAULT 'pending',
	created_at timestamptz(3) NOT NULL DEFAULT now(),
	updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE ttn_connections (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	application_id varchar(256),
	is_active boolean NOT NULL DEFAULT true,
	last_used_at timestamptz(3),
	webhook_secret varchar(256) NOT NULL,
	created_at timestamptz(3) NOT NULL DEFAULT now(),
	updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE gateways (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	site_id uuid REFERENCES sites ON DELETE SET NULL,
	ttn_connection_id uuid NOT NULL REFERENCES ttn_connections ON DELETE CASCADE,
	name varchar(256),
	altitude integer,
	description text,
	frequency_plan_id varchar(64),
	gateway_eui varchar(16) NOT NULL,
	gateway_id varchar(36) NOT NULL,
	is_active boolean NOT NULL DEFAULT true,
	last_seen_at timestamptz(3),
	latitude varchar(32),
	longitude varchar(32),
	status gateway_status NOT NULL DEFAULT 'unknown',
	created_at timestamptz(3) NOT NULL DEFAULT now(),
	updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE sensor_readings (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	device_id uuid REFERENCES devices ON DELETE SET NULL,
	unit_id uuid NOT NULL REFERENCES units ON DELETE CASCADE,
	battery integer,
	humidity numeric(5,2),
	raw_payload text,
	received_at timestamptz(3) NOT NULL DEFAULT now(),
	recorded_at timestamptz(3) NOT NULL,
	signal_strength integer,
	source varchar(32),
	temperature numeric(7,2) NOT NULL
);

CREATE TABLE sensor_readings_old (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	battery integer,
	device_id uuid,
	humidity numeric(5,2),
	raw_payload text,
	received_at timestamptz(3) NOT NULL DEFAULT now(),
	recorded_at timestamptz(3) NOT NULL,
	signal_strength integer,
	source varchar(32),
	temperature numeric(7,2) NOT NULL,
	unit_id uuid NOT NULL
);

CREATE TABLE reading_metrics (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	unit_id uuid NOT NULL REFERENCES units ON DELETE CASCADE,
	anomaly_count integer NOT NULL DEFAULT 0,
	granularity varchar(16) NOT NULL,
	humidity_avg numeric(5,2),
	humidity_max numeric(5,2),
	humidity_min numeric(5,2),
	period_end timestamptz(3) NOT NULL,
	period_start timestamptz(3) NOT NULL,
	reading_count integer NOT NULL DEFAULT 0,
	temp_avg numeric(7,2) NOT NULL,
	temp_max numeric(7,2) NOT NULL,
	temp_min numeric(7,2) NOT NULL,
	temp_sum numeric(12,2) NOT NULL,
	created_at timestamptz(3) NOT NULL DEFAULT now(),
	updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE door_events (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	device_id uuid REFERENCES devices ON DELETE SET NULL,
	unit_id uuid NOT NULL REFERENCES units ON DELETE CASCADE,
	duration_seconds integer,
	state varchar(16) NOT NULL,
	"timestamp" timestamptz(3) NOT NULL,
	created_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE manual_temperature_logs (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	profile_id uuid REFERENCES profiles ON DELETE SET NULL,
	unit_id uuid NOT NULL REFERENCES units ON DELETE CASCADE,
	humidity numeric(5,2),
	notes text,
	photo_url text,
	recorded_at timestamptz(3) NOT NULL,
	temperature numeric(7,2) NOT NULL,
	created_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE alert_rules (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	site_id uuid REFERENCES sites ON DELETE CASCADE,
	unit_id uuid REFERENCES units ON DELETE CASCADE,
	name varchar(256) NOT NULL,
	alert_type alert_type NOT NULL DEFAULT 'alarm_active',
	delay_minutes integer NOT NULL DEFAULT 5,
	is_enabled boolean NOT NULL DEFAULT true,
	schedule text,
	severity alert_severity NOT NULL DEFAULT 'warning',
	temp_max integer,
	temp_min integer,
	created_at timestamptz(3) NOT NULL DEFAULT now(),
	updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE alert_rules_history (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	alert_rule_id uuid NOT NULL REFERENCES alert_rules ON DELETE CASCADE,
	changed_by uuid REFERENCES profiles ON DELETE SET NULL,
	change_type varchar(32) NOT NULL,
	changed_at timestamptz(3) NOT NULL DEFAULT now(),
	new_values text,
	old_values text
);

CREATE TABLE alerts (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	acknowledged_by uuid REFERENCES profiles ON DELETE SET NULL,
	alert_rule_id uuid REFERENCES alert_rules ON DELETE SET NULL,
	resolved_by uuid REFERENCES profiles ON DELETE SET NULL,
	unit_id uuid NOT NULL REFERENCES units ON DELETE CASCADE,
	acknowledged_at timestamptz(3),
	alert_type alert_type NOT NULL,
	escalated_at timestamptz(3),
	escalation_level integer NOT NULL DEFAULT 0,
	message text,
	metadata text,
	resolved_at timestamptz(3),
	severity alert_severity NOT NULL,
	status alert_status NOT NULL DEFAULT 'active',
	threshold_violated varchar(16),
	trigger_temperature integer,
	triggered_at timestamptz(3) NOT NULL DEFAULT now(),
	created_at timestamptz(3) NOT NULL DEFAULT now(),
	updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE corrective_actions (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	alert_id uuid NOT NULL REFERENCES alerts ON DELETE CASCADE,
	profile_id uuid REFERENCES profiles ON DELETE SET NULL,
	unit_id uuid NOT NULL REFERENCES units ON DELETE CASCADE,
	action_at timestamptz(3) NOT NULL DEFAULT now(),
	action_taken text,
	description text NOT NULL,
	photo_url text,
	resolved_alert boolean NOT NULL DEFAULT false,
	created_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE notification_deliveries (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	alert_id uuid NOT NULL REFERENCES alerts ON DELETE CASCADE,
	profile_id uuid REFERENCES profiles ON DELETE SET NULL,
	channel notification_channel NOT NULL,
	delivered_at timestamptz(3),
	error_message text,
	external_id varchar(256),
	failed_at timestamptz(3),
	last_retry_at timestamptz(3),
	recipient varchar(256) NOT NULL,
	retry_count varchar(10) DEFAULT '0',
	scheduled_at timestamptz(3) NOT NULL DEFAULT now(),
	sent_at timestamptz(3),
	status notification_status NOT NULL DEFAULT 'pending',
	created_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE escalation_contacts (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	profile_id uuid REFERENCES profiles ON DELETE CASCADE,
	name varchar(256) NOT NULL,
	email varchar(256),
	is_active boolean NOT NULL DEFAULT true,
	phone varchar(50) NOT NULL,
	priority integer NOT NULL DEFAULT 0,
	created_at timestamptz(3) NOT NULL DEFAULT now(),
	updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE event_logs (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	actor_id uuid REFERENCES profiles ON DELETE SET NULL,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	actor_type varchar(32) NOT NULL,
	description text,
	entity_id uuid,
	entity_type varchar(64) NOT NULL,
	event_category varchar(64),
	event_type varchar(64) NOT NULL,
	hash varchar(64) NOT NULL,
	ip_address varchar(45),
	new_values text,
	occurred_at timestamptz(3) NOT NULL DEFAULT now(),
	old_values text,
	payload text,
	previous_hash varchar(64),
	user_agent text
);

CREATE TABLE subscriptions (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	canceled_at timestamptz(3),
	current_period_end timestamptz(3),
	current_period_start timestamptz(3),
	plan subscription_plan NOT NULL DEFAULT 'starter',
	status subscription_status NOT NULL DEFAULT 'trial',
	stripe_customer_id varchar(256),
	stripe_subscription_id varchar(256),
	trial_ends_at timestamptz(3),
	created_at timestamptz(3) NOT NULL DEFAULT now(),
	updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE stripe_events (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	event_id varchar(256) NOT NULL,
	event_type varchar(256) NOT NULL,
	processed_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE sms_configs (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
	is_enabled boolean NOT NULL DEFAULT true,
	last_test_at timestamptz(3),
	telnyx_api_key varchar(512) NOT NULL,
	telnyx_messaging_profile_id varchar(256),
	telnyx_phone_number varchar(32) NOT NULL,
	created_at timestamptz(3) NOT NULL DEFAULT now(),
	updated_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE partition_retention_overrides (
	id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
	created_by varchar(255) NOT NULL,
	expires_at timestamptz,
	partition_name varchar(128) NOT NULL,
	reason text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX ON organizations (slug);
CREATE UNIQUE INDEX ON profiles (user_id);
CREATE INDEX ON profiles (organization_id);
CREATE INDEX ON profiles (email);
CREATE UNIQUE INDEX ON user_roles (user_id, organization_id);
CREATE INDEX ON user_roles (organization_id);
CREATE INDEX ON sites (organization_id);
CREATE INDEX ON areas (site_id, sort_order);
CREATE INDEX ON units (area_id, is_active);
CREATE INDEX ON hubs (site_id);
CREATE UNIQUE INDEX ON hubs (mac_address);
CREATE UNIQUE INDEX ON devices (device_eui);
CREATE INDEX ON devices (unit_id);
CREATE INDEX ON devices (hub_id);
CREATE UNIQUE INDEX ON lora_sensors (device_id);
CREATE UNIQUE INDEX ON lora_sensors (dev_eui);
CREATE INDEX ON calibration_records (device_id, calibrated_at);
CREATE INDEX ON pairing_sessions (device_id);
CREATE INDEX ON ttn_connections (organization_id);
CREATE UNIQUE INDEX ON ttn_connections (webhook_secret);
CREATE INDEX ON gateways (ttn_connection_id);
CREATE UNIQUE INDEX ON gateways (gateway_id);
CREATE UNIQUE INDEX ON gateways (gateway_eui);
CREATE INDEX ON sensor_readings (unit_id, recorded_at);
CREATE INDEX ON sensor_readings (device_id, recorded_at);
CREATE INDEX ON sensor_readings (recorded_at);
CREATE UNIQUE INDEX ON reading_metrics (unit_id, period_start, granularity);
CREATE INDEX ON door_events (unit_id, "timestamp");
CREATE INDEX ON manual_temperature_logs (unit_id, recorded_at);
CREATE INDEX ON alert_rules (organization_id, is_enabled);
CREATE INDEX ON alert_rules (site_id);
CREATE INDEX ON alert_rules (unit_id);
CREATE INDEX ON alert_rules_history (alert_rule_id, changed_at);
CREATE INDEX ON alerts (unit_id, status);
CREATE INDEX ON alerts (triggered_at);
CREATE INDEX ON alerts (status, triggered_at DESC) WHERE status IN ('active', 'escalated');
CREATE INDEX ON corrective_actions (alert_id);
CREATE INDEX ON corrective_actions (unit_id);
CREATE INDEX ON notification_deliveries (alert_id);
CREATE INDEX ON notification_deliveries (status, scheduled_at);
CREATE INDEX ON escalation_contacts (organization_id, priority);
CREATE INDEX ON event_logs (organization_id, occurred_at);
CREATE INDEX ON event_logs (hash);
CREATE INDEX ON subscriptions (organization_id);
CREATE UNIQUE INDEX ON stripe_events (event_id);
CREATE UNIQUE INDEX ON sms_configs (organization_id);
