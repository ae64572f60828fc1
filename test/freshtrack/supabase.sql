-- What only the old side has in schema public: references to auth.users,
-- triggers with effects that a load must not cause, row-level security, views
-- and the product's scheduled job. Run by a superuser after tables.sql.

SET ROLE postgres;

-- References to auth.users: these columns hold old user ids and must be
-- rewritten to the new ones.
ALTER TABLE organizations ADD FOREIGN KEY (deleted_by) REFERENCES auth.users ON DELETE SET NULL;
ALTER TABLE profiles ADD FOREIGN KEY (user_id) REFERENCES auth.users ON DELETE CASCADE;
ALTER TABLE profiles ADD FOREIGN KEY (vacation_alternate_user_id) REFERENCES auth.users ON DELETE SET NULL;
ALTER TABLE user_roles ADD FOREIGN KEY (user_id) REFERENCES auth.users ON DELETE CASCADE;
ALTER TABLE sites ADD FOREIGN KEY (deleted_by) REFERENCES auth.users ON DELETE SET NULL;
ALTER TABLE areas ADD FOREIGN KEY (deleted_by) REFERENCES auth.users ON DELETE SET NULL;
ALTER TABLE units ADD FOREIGN KEY (deleted_by) REFERENCES auth.users ON DELETE SET NULL;
ALTER TABLE devices ADD FOREIGN KEY (deleted_by) REFERENCES auth.users ON DELETE SET NULL;
ALTER TABLE gateways ADD FOREIGN KEY (created_by) REFERENCES auth.users ON DELETE SET NULL;
ALTER TABLE lora_sensors ADD FOREIGN KEY (created_by) REFERENCES auth.users ON DELETE SET NULL;
ALTER TABLE lora_sensors ADD FOREIGN KEY (deleted_by) REFERENCES auth.users ON DELETE SET NULL;
ALTER TABLE alerts ADD FOREIGN KEY (acknowledged_by) REFERENCES auth.users ON DELETE SET NULL;
ALTER TABLE alerts ADD FOREIGN KEY (resolved_by) REFERENCES auth.users ON DELETE SET NULL;
ALTER TABLE corrective_actions ADD FOREIGN KEY (created_by) REFERENCES auth.users ON DELETE SET NULL;
ALTER TABLE manual_temperature_logs ADD FOREIGN KEY (logged_by) REFERENCES auth.users ON DELETE SET NULL;
ALTER TABLE escalation_contacts ADD FOREIGN KEY (user_id) REFERENCES auth.users ON DELETE SET NULL;
ALTER TABLE inspector_sessions ADD FOREIGN KEY (created_by) REFERENCES auth.users ON DELETE CASCADE;
ALTER TABLE unit_dashboard_layouts ADD FOREIGN KEY (user_id) REFERENCES auth.users ON DELETE CASCADE;
ALTER TABLE ttn_connections ADD FOREIGN KEY (created_by) REFERENCES auth.users ON DELETE SET NULL;
ALTER TABLE ttn_connections ADD FOREIGN KEY (updated_by) REFERENCES auth.users ON DELETE SET NULL;
ALTER TABLE ttn_deprovision_jobs ADD FOREIGN KEY (created_by) REFERENCES auth.users ON DELETE SET NULL;

ALTER TABLE inspector_sessions ALTER token SET DEFAULT encode(extensions.gen_random_bytes(32), 'hex');

-- Triggers. None may fire while data is loaded.

CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.updated_at := now();
	RETURN NEW;
END
$$;
DO $$
DECLARE
	touched text;
BEGIN
	FOREACH touched IN ARRAY ARRAY[
		'organizations', 'profiles', 'sites', 'areas', 'units', 'hubs', 'devices', 'gateways', 'lora_sensors',
		'alert_rules', 'notification_policies', 'ttn_connections', 'unit_dashboard_layouts'
	] LOOP
		EXECUTE format(
			'CREATE TRIGGER touch_updated_at BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION touch_updated_at()',
			touched
		);
	END LOOP;
END
$$;

-- A change of a person is posted to the outside world.
CREATE FUNCTION announce_user() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
	announcement jsonb := jsonb_build_object('event', lower(TG_OP), 'user_id', NEW.user_id, 'email', NEW.email);
BEGIN
	INSERT INTO user_sync_log (user_id, event_type, payload)
	VALUES (NEW.user_id, 'user.' || lower(TG_OP), announcement);
	PERFORM net.http_post('https://project.supabase.co/functions/v1/user-sync', announcement);
	RETURN NEW;
END
$$;
CREATE TRIGGER announce_user AFTER INSERT OR UPDATE ON profiles
FOR EACH ROW EXECUTE FUNCTION announce_user();

-- Archiving or deleting a sensor removes it from The Things Network.
CREATE FUNCTION queue_deprovisioning() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
	INSERT INTO ttn_deprovision_jobs (
		organization_id, site_id, unit_id, sensor_id, sensor_name, dev_eui, ttn_application_id, ttn_device_id, reason
	) VALUES (
		OLD.organization_id, OLD.site_id, OLD.unit_id, OLD.id, OLD.name, OLD.dev_eui,
		coalesce(OLD.ttn_application_id, 'unknown'), OLD.ttn_device_id,
		CASE TG_OP WHEN 'DELETE' THEN 'SENSOR_DELETED' ELSE 'SENSOR_ARCHIVED' END
	);
	RETURN NULL;
END
$$;
CREATE TRIGGER queue_deprovisioning_on_delete AFTER DELETE ON lora_sensors
FOR EACH ROW EXECUTE FUNCTION queue_deprovisioning();
CREATE TRIGGER queue_deprovisioning_on_archive AFTER UPDATE OF deleted_at ON lora_sensors
FOR EACH ROW WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)
EXECUTE FUNCTION queue_deprovisioning();

CREATE FUNCTION keep_last_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF OLD.role = 'owner' AND NOT EXISTS (
		SELECT FROM user_roles
		WHERE organization_id = OLD.organization_id AND role = 'owner' AND id <> OLD.id
	) THEN
		RAISE EXCEPTION 'organization % needs an owner', OLD.organization_id;
	END IF;
	RETURN OLD;
END
$$;
CREATE TRIGGER keep_last_owner BEFORE DELETE ON user_roles
FOR EACH ROW EXECUTE FUNCTION keep_last_owner();

-- A sign-up gets its profile.
CREATE FUNCTION make_profile() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
	INSERT INTO profiles (user_id, email, full_name)
	VALUES (NEW.id, coalesce(NEW.email, ''), NEW.raw_user_meta_data ->> 'full_name')
	ON CONFLICT (user_id) DO NOTHING;
	RETURN NEW;
END
$$;
CREATE TRIGGER make_profile AFTER INSERT ON auth.users
FOR EACH ROW EXECUTE FUNCTION make_profile();

-- Row-level security: on everywhere, policies where people read.

CREATE FUNCTION belongs_to(organization uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
	SELECT EXISTS (SELECT FROM user_roles WHERE user_id = auth.uid() AND organization_id = organization)
$$;
DO $$
DECLARE
	owned record;
BEGIN
	FOR owned IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned.tablename);
	END LOOP;
END
$$;
CREATE POLICY own_profile ON profiles FOR SELECT TO authenticated USING (user_id = auth.uid());
CREATE POLICY members_read ON organizations FOR SELECT TO authenticated USING (belongs_to(id));
CREATE POLICY members_read ON sites FOR SELECT TO authenticated USING (belongs_to(organization_id));
CREATE POLICY members_read ON alerts FOR SELECT TO authenticated USING (belongs_to(organization_id));
CREATE POLICY members_read ON lora_sensors FOR SELECT TO authenticated USING (belongs_to(organization_id));
CREATE POLICY anyone_reads ON sensor_catalog FOR SELECT TO anon, authenticated USING (is_visible);

CREATE VIEW unit_overview WITH (security_invoker = true) AS
SELECT
	unit.id,
	unit.name,
	unit.status,
	unit.last_reading_at,
	area.name AS area_name,
	site.name AS site_name,
	site.organization_id
FROM units AS unit
JOIN areas AS area ON area.id = unit.area_id
JOIN sites AS site ON site.id = area.site_id
WHERE unit.deleted_at IS NULL;

CREATE VIEW open_alerts WITH (security_invoker = true) AS
SELECT id, organization_id, unit_id, title, severity, triggered_at
FROM alerts
WHERE status IN ('active', 'escalated');

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO anon, authenticated, service_role;
RESET ROLE;

INSERT INTO cron.job (jobname, schedule, command, username) VALUES
	('process-sensor-cleanup', '* * * * *', 'SELECT net.http_post(''https://project.supabase.co/functions/v1/process-sensor-cleanup'')', 'postgres');
