-- Rows for the tables of full-source.sql, made from those that the generator has
-- filled: the same ones for the same seed. Run by a superuser; where the source is
-- empty, this adds next to nothing.

CREATE FUNCTION pg_temp.made(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
	SELECT overlay(md5(kind || n) PLACING '4' FROM 13 FOR 1)::uuid
$$;
CREATE TEMPORARY VIEW org AS
	SELECT row_number() OVER (ORDER BY slug) AS n, id, name FROM public.organizations;
CREATE TEMPORARY VIEW member AS
	SELECT row_number() OVER (ORDER BY p.id) AS n, p.user_id, p.organization_id, p.email
	FROM public.profiles p WHERE p.organization_id IS NOT NULL;
CREATE TEMPORARY VIEW place AS
	SELECT row_number() OVER (ORDER BY u.id) AS n, u.id AS unit_id, a.site_id, s.organization_id
	FROM public.units u JOIN public.areas a ON a.id = u.area_id JOIN public.sites s ON s.id = a.site_id;
CREATE TEMPORARY VIEW alert AS
	SELECT row_number() OVER (ORDER BY id) AS n, id, organization_id, site_id, unit_id, title FROM public.alerts;
CREATE TEMPORARY VIEW sensor AS
	SELECT row_number() OVER (ORDER BY dev_eui) AS n, id, organization_id, dev_eui, name FROM public.lora_sensors;
CREATE TEMPORARY VIEW device AS
	SELECT row_number() OVER (ORDER BY serial_number) AS n, id, organization_id, unit_id, hub_id FROM public.devices;

SET search_path = public, pg_temp;

INSERT INTO subscriptions (id, organization_id, plan, status, stripe_customer_id, stripe_subscription_id, current_period_start, current_period_end, current_sensor_count, sensor_limit, trial_ends_at)
SELECT pg_temp.made('subscription', n), id, (enum_range(NULL::subscription_plan))[1 + n % 4], (enum_range(NULL::subscription_status))[1 + n % 5],
	'cus_' || n, CASE WHEN n % 3 > 0 THEN 'sub_' || n END, '2026-05-01T00:00:00.123456Z', '2026-06-01Z', n, n * 10, CASE WHEN n % 2 = 0 THEN timestamptz 'infinity' END
FROM org WHERE n > 1;

INSERT INTO invoices (id, subscription_id, amount_due, amount_paid, period_start, period_end, stripe_invoice_id, status)
SELECT pg_temp.made('invoice', row_number() OVER (ORDER BY id)), id, 4900, 4900, '2026-05-01Z', '2026-06-01Z', 'in_' || stripe_customer_id, 'paid' FROM subscriptions;

INSERT INTO account_deletion_jobs (id, user_id, organization_id, status, current_step, steps_completed, created_at)
SELECT pg_temp.made('deletion', n), user_id, organization_id, 'completed', NULL, '["profile", "roles"]', '2026-01-01Z' FROM member WHERE n <= 3;

INSERT INTO alarm_events (id, alarm_definition_id, org_id, unit_id, severity_at_trigger, state, acknowledged_by, resolved_by, trigger_value, trigger_payload, triggered_at)
SELECT pg_temp.made('alarm event', p.n), (SELECT id FROM alarm_definitions ORDER BY slug LIMIT 1), p.organization_id::text, p.unit_id::text,
	(enum_range(NULL::alarm_severity))[1 + p.n % 4], 'resolved', m.user_id::text, CASE WHEN p.n % 2 = 0 THEN 'system' END, 41.50, '{"t": 41.50}', '2026-04-01Z'
FROM place p JOIN member m ON m.n = p.n WHERE p.n <= 20;

INSERT INTO alarm_org_overrides (id, alarm_definition_id, org_id, severity_override, notification_channels)
SELECT pg_temp.made('org override', n), (SELECT id FROM alarm_definitions ORDER BY slug LIMIT 1), id::text, 'critical', ARRAY['sms', NULL] FROM org;
INSERT INTO alarm_site_overrides (id, alarm_definition_id, org_id, site_id, enabled)
SELECT pg_temp.made('site override', n), (SELECT id FROM alarm_definitions ORDER BY slug LIMIT 1), organization_id::text, site_id::text, false FROM place WHERE n <= 5;
INSERT INTO alarm_unit_overrides (id, alarm_definition_id, org_id, unit_id, threshold_max)
SELECT pg_temp.made('unit override', n), (SELECT id FROM alarm_definitions ORDER BY slug LIMIT 1), organization_id::text, unit_id::text, 39.0 FROM place WHERE n <= 5;
INSERT INTO alarm_test_scenarios (id, scenario_id, name, equipment_type, sensor_model, tier, payload_sequence, tags)
SELECT pg_temp.made('scenario', n), 'scenario-' || n, 'Scenario ' || n, 'fridge', 'LHT65', 'tier_1', '[{"t": 1.10}, null]', '{}' FROM generate_series(1, 4) n;

INSERT INTO alert_audit_log (id, alert_id, organization_id, event_type, actor_user_id, details)
SELECT pg_temp.made('alert audit', a.n), a.id, a.organization_id, 'acknowledged', m.user_id, '{}' FROM alert a JOIN member m ON m.n = 1 + a.n % 80 WHERE a.n <= 100;
INSERT INTO alert_rules_history (id, alert_rules_id, organization_id, action, changed_by, changes, changed_at, note)
SELECT pg_temp.made('rule history', r.n), CASE WHEN r.n % 10 < 9 THEN r.id END, NULL, CASE WHEN r.n % 2 = 0 THEN 'UPDATE' ELSE 'CREATE' END, m.user_id,
	'{"door_open_warning_minutes": {"from": 5, "to": 1.50}}', '2026-03-01T10:11:12.987654Z', NULL
FROM (SELECT row_number() OVER (ORDER BY id) AS n, id FROM alert_rules) r JOIN member m ON m.n = 1 + r.n % 60 WHERE r.n <= 40;
INSERT INTO alert_suppressions (id, organization_id, unit_id, alert_types, reason, created_by, starts_at, ends_at)
SELECT pg_temp.made('suppression', p.n), p.organization_id, p.unit_id, ARRAY['door_open', NULL], 'MAINTENANCE', m.user_id, '2026-05-01Z', 'infinity'
FROM place p JOIN member m ON m.n = p.n WHERE p.n <= 6;

INSERT INTO battery_profiles (id, model, battery_type, nominal_capacity_mah, mah_per_uplink, voltage_curve)
SELECT pg_temp.made('battery', n), 'MODEL-' || n, 'Li-SOCl2', 2400, 0.0250 + n / 1000.0, CASE WHEN n % 2 = 0 THEN '{"3.60": 100, "3.00": 5.0}'::jsonb END FROM generate_series(1, 25) n;
INSERT INTO calibration_records (id, device_id, measured_temp, reference_temp, offset_applied, performed_by, calibrated_at, next_calibration_due, notes, created_at)
SELECT pg_temp.made('calibration', d.n), d.id, 32.10, 32.00, CASE WHEN d.n % 2 = 0 THEN -0.10 ELSE 0.25 END, m.user_id, '2026-02-01T08:00:00.000999Z', '2027-02-01Z', CASE WHEN d.n % 3 = 0 THEN '' END, '2026-02-01Z'
FROM device d JOIN member m ON m.n = 1 + d.n % 40 WHERE d.n <= 30;
INSERT INTO default_widget_layouts (id, equipment_type, name, placements)
SELECT pg_temp.made('widgets', n), 'type-' || n, 'Layout ' || n, '[{"x": 1.0}]' FROM generate_series(1, 3) n;
INSERT INTO emulator_sync_runs (id, organization_id, sync_id, synced_at, counts)
SELECT pg_temp.made('emulator run', n), id, 'run-' || n, '2026-05-01Z', '{"units": 3}' FROM org;
INSERT INTO entity_dashboard_layouts (id, organization_id, user_id, entity_type, entity_id, name, slot_number, layout_json)
SELECT pg_temp.made('entity layout', p.n), p.organization_id, m.user_id, 'unit', p.unit_id, 'Layout', 1, '{"z": 1.10}' FROM place p JOIN member m ON m.n = p.n WHERE p.n <= 10;
INSERT INTO escalation_policies (id, organization_id, critical_primary_delay_minutes, warning_primary_delay_minutes, quiet_hours_start)
SELECT pg_temp.made('escalation', n), id, 5, 15, '22:30:00.5' FROM org;
INSERT INTO impersonation_sessions (id, admin_user_id, target_user_id, target_org_id, target_user_email, started_at, expires_at, status)
SELECT pg_temp.made('impersonation', m.n), (SELECT user_id FROM member WHERE n = 1), m.user_id, m.organization_id, m.email, '2026-05-01Z', '2026-05-02Z', 'ended' FROM member m WHERE m.n BETWEEN 2 AND 4;
INSERT INTO in_app_notifications (id, organization_id, user_id, alert_id, title, body, read, created_at)
SELECT pg_temp.made('in-app', a.n), a.organization_id, m.user_id, a.id, a.title, '', a.n % 2 = 0, '2026-05-01Z' FROM alert a JOIN member m ON m.n = 1 + a.n % 80 WHERE a.n <= 200;
INSERT INTO notification_deliveries (id, alert_id, user_id, channel, status, retry_count, sent_at, delivered_at, error_message, created_at)
SELECT pg_temp.made('delivery', a.n), a.id, m.user_id, (enum_range(NULL::notification_channel))[1 + a.n % 3], (enum_range(NULL::notification_status))[1 + a.n % 4],
	a.n % 4, '2026-05-01T00:00:01.234567Z', CASE WHEN a.n % 4 = 2 THEN timestamptz '2026-05-01T00:00:02Z' END, CASE WHEN a.n % 4 = 3 THEN 'no such number' END, '2026-05-01Z'
FROM alert a JOIN member m ON m.n = 1 + a.n % 80 WHERE a.n <= 300;
INSERT INTO notification_events (id, organization_id, alert_id, user_id, event_type, status, to_recipients)
SELECT pg_temp.made('notification', a.n), a.organization_id, a.id, m.user_id, 'alert', 'SENT', '["a@example.com", null]' FROM alert a JOIN member m ON m.n = 1 + a.n % 80 WHERE a.n <= 50;
INSERT INTO notification_settings (id, organization_id, recipients)
SELECT pg_temp.made('settings', n), id, ARRAY['ops@example.com'] FROM org;
INSERT INTO org_cleanup_jobs (id, organization_id, reason, created_by)
SELECT pg_temp.made('cleanup', n), pg_temp.made('gone organization', n), 'ORG_SOFT_DELETE', (SELECT user_id FROM member WHERE n = 1) FROM generate_series(1, 2) n;
INSERT INTO org_sync_state (organization_id, is_dirty, last_change_at) SELECT id, n % 2 = 0, '2026-05-01Z' FROM org;
INSERT INTO pairing_sessions (id, hub_id, unit_id, device_id, initiated_by, status, started_at, completed_at, expires_at)
SELECT pg_temp.made('pairing', d.n), d.hub_id, d.unit_id, CASE WHEN d.n % 4 > 0 THEN d.id END, m.user_id, (enum_range(NULL::pairing_status))[1 + d.n % 5], '2026-05-01Z', NULL, '2026-05-01T00:05:00.5Z'
FROM device d JOIN member m ON m.n = d.n WHERE d.n <= 15;
INSERT INTO pilot_feedback (id, organization_id, submitted_by, week_start, alert_fatigue_rating, notes)
SELECT pg_temp.made('feedback', m.n), m.organization_id, m.user_id, '2026-05-04', 3, 'ok' FROM member m WHERE m.n <= 5;
INSERT INTO platform_roles (id, user_id, role, granted_by, granted_at) SELECT pg_temp.made('platform role', n), user_id, 'SUPER_ADMIN', NULL, '2025-01-01Z' FROM member WHERE n <= 2;
INSERT INTO sensor_cleanup_queue (id, organization_id, sensor_id, sensor_name, dev_eui, deleted_user_id)
SELECT pg_temp.made('queue', n), organization_id, id, name, dev_eui, (SELECT user_id FROM member WHERE n = 1) FROM sensor WHERE n <= 2;
INSERT INTO sensor_configurations (id, organization_id, sensor_id, alarm_high, alarm_low, uplink_interval_s)
SELECT pg_temp.made('configuration', n), organization_id, id, 41.00, -0.50, 600 FROM sensor WHERE n <= 20;
INSERT INTO sensor_dashboard_layouts_archived (id, organization_id, sensor_id, user_id, name)
SELECT pg_temp.made('sensor layout', s.n), s.organization_id, s.id, m.user_id, 'Old' FROM sensor s JOIN member m ON m.n = s.n WHERE s.n <= 5;
INSERT INTO sensor_pending_changes (id, organization_id, sensor_id, change_type, requested_payload_hex, requested_by, status, command_params)
SELECT pg_temp.made('change', s.n), s.organization_id, s.id, (enum_range(NULL::sensor_change_type))[1 + s.n % 5], '0100', m.user_id, (enum_range(NULL::sensor_change_status))[1 + s.n % 5], '{"s": 600}'
FROM sensor s JOIN member m ON m.n = s.n WHERE s.n <= 10;
INSERT INTO simulated_devices (id, organization_id, unit_id, created_by, current_temperature, current_humidity)
SELECT pg_temp.made('simulated', p.n), p.organization_id, p.unit_id, m.user_id, 38.50, 'NaN' FROM place p JOIN member m ON m.n = p.n WHERE p.n <= 4;
INSERT INTO sms_alert_log (id, organization_id, user_id, alert_id, alert_type, phone_number, message)
SELECT pg_temp.made('sms', a.n), a.organization_id, m.user_id, a.id, 'temp_excursion', '+15557000001', a.title FROM alert a JOIN member m ON m.n = 1 + a.n % 80 WHERE a.n <= 60;
INSERT INTO telnyx_webhook_config (id, organization_id, webhook_url) SELECT pg_temp.made('telnyx config', n), CASE WHEN n > 1 THEN id END, 'https://project.supabase.co/functions/v1/telnyx-webhook' FROM org WHERE n <= 2;
INSERT INTO telnyx_webhook_events (id, event_id, event_type, payload, processed) SELECT pg_temp.made('telnyx event', n), 'evt-' || n, 'message.finalized', '{"cost": 0.0040}', true FROM generate_series(1, 30) n;
INSERT INTO ttn_cleanup_log (id, organization_id, sensor_id, dev_eui, action, status) SELECT pg_temp.made('ttn cleanup', n), organization_id, id, dev_eui, 'DELETE_DEVICE', 'ok' FROM sensor WHERE n <= 3;
INSERT INTO ttn_deprovision_runs (id, organization_id, requested_by, status, summary) SELECT pg_temp.made('run', n), organization_id, user_id, 'SUCCEEDED', '{"steps": 2}' FROM member WHERE n <= 2;
INSERT INTO ttn_deprovision_run_steps (id, run_id, step_name, status, meta) SELECT pg_temp.made('step', n), pg_temp.made('run', n), 'delete', 'OK', '{}' FROM member WHERE n <= 2;
INSERT INTO ttn_provisioning_logs (id, organization_id, step, status, payload, duration_ms) SELECT pg_temp.made('provisioning', n), id, 'create_application', 'success', '{"region": "nam1"}', 120 FROM org;
INSERT INTO unit_settings_history (id, unit_id, changed_by, changes) SELECT pg_temp.made('unit history', p.n), p.unit_id, m.user_id, '{"temp_limit_high": [41.00, 40.50]}' FROM place p JOIN member m ON m.n = p.n WHERE p.n <= 15;

-- What a real database has more of than a generator thinks of.
UPDATE ttn_connections SET ttn_api_key_encrypted = 'v2:' || md5(id::text), ttn_application_uid = 'uid-' || left(id::text, 8), last_http_status = 200;
-- Two roles in one organization: the new side takes one.
INSERT INTO user_roles (id, organization_id, user_id, role)
SELECT pg_temp.made('second role', r.n), r.organization_id, r.user_id, CASE r.role WHEN 'viewer' THEN 'manager' ELSE 'viewer' END::app_role
FROM (SELECT row_number() OVER (ORDER BY id) AS n, * FROM user_roles WHERE role IN ('owner', 'viewer')) r WHERE r.n <= 3;

RESET search_path;
DROP FUNCTION pg_temp.made;
DROP VIEW pg_temp.org, pg_temp.member, pg_temp.place, pg_temp.alert, pg_temp.sensor, pg_temp.device;
ANALYZE;
