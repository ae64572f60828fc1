-- What Supabase itself puts into every project, as far as a migration can see
-- it: roles, schemas, auth, storage, pg_cron and pg_net. Written from the
-- catalog of a project, not from its migration files; pg_cron and pg_net are
-- plain stand-in tables and functions under the extensions' names. Run by a
-- superuser before tables.sql. Roles belong to the cluster and may exist.

DO $$
DECLARE
	wanted record;
BEGIN
	FOR wanted IN
		SELECT * FROM (VALUES
			('supabase_admin', 'SUPERUSER CREATEDB CREATEROLE LOGIN REPLICATION BYPASSRLS'),
			('postgres', 'NOSUPERUSER CREATEDB CREATEROLE LOGIN REPLICATION BYPASSRLS'),
			('anon', 'NOLOGIN NOINHERIT'),
			('authenticated', 'NOLOGIN NOINHERIT'),
			('service_role', 'NOLOGIN NOINHERIT BYPASSRLS'),
			('authenticator', 'LOGIN NOINHERIT'),
			('supabase_auth_admin', 'LOGIN NOINHERIT CREATEROLE'),
			('supabase_storage_admin', 'LOGIN NOINHERIT CREATEROLE')
		) AS role (name, attributes)
	LOOP
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) THEN
			EXECUTE format('CREATE ROLE %I %s', wanted.name, wanted.attributes);
		END IF;
	END LOOP;
END
$$;

GRANT anon, authenticated, service_role TO authenticator, postgres;
GRANT pg_monitor, pg_read_all_data, pg_signal_backend TO postgres;
-- Supabase grants this through supautils; PostgreSQL 15 has a grant of its own.
GRANT SET ON PARAMETER session_replication_role TO postgres;
DO $$
BEGIN
	EXECUTE format('ALTER DATABASE %I OWNER TO postgres', current_database());
END
$$;
ALTER SCHEMA public OWNER TO postgres;
GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role;

CREATE SCHEMA extensions AUTHORIZATION postgres;
CREATE EXTENSION IF NOT EXISTS pgcrypto SCHEMA extensions;
CREATE EXTENSION IF NOT EXISTS "uuid-ossp" SCHEMA extensions;
GRANT USAGE ON SCHEMA extensions TO anon, authenticated, service_role, supabase_auth_admin;

-- auth ---------------------------------------------------------------------

CREATE SCHEMA auth AUTHORIZATION supabase_auth_admin;
GRANT USAGE ON SCHEMA auth TO postgres, anon, authenticated, service_role;
SET ROLE supabase_auth_admin;

CREATE TYPE auth.factor_type AS ENUM ('totp', 'webauthn', 'phone');
CREATE TYPE auth.factor_status AS ENUM ('unverified', 'verified');

CREATE TABLE auth.users (
	instance_id uuid,
	id uuid PRIMARY KEY,
	aud varchar(255),
	role varchar(255),
	email varchar(255),
	encrypted_password varchar(255),
	email_confirmed_at timestamptz,
	invited_at timestamptz,
	confirmation_token varchar(255),
	confirmation_sent_at timestamptz,
	recovery_token varchar(255),
	recovery_sent_at timestamptz,
	email_change_token_new varchar(255),
	email_change varchar(255),
	email_change_sent_at timestamptz,
	last_sign_in_at timestamptz,
	raw_app_meta_data jsonb,
	raw_user_meta_data jsonb,
	is_super_admin boolean,
	created_at timestamptz,
	updated_at timestamptz,
	phone text DEFAULT NULL UNIQUE,
	phone_confirmed_at timestamptz,
	phone_change text DEFAULT '',
	phone_change_token varchar(255) DEFAULT '',
	phone_change_sent_at timestamptz,
	confirmed_at timestamptz GENERATED ALWAYS AS (least(email_confirmed_at, phone_confirmed_at)) STORED,
	email_change_token_current varchar(255) DEFAULT '',
	email_change_confirm_status smallint DEFAULT 0 CHECK (email_change_confirm_status BETWEEN 0 AND 2),
	banned_until timestamptz,
	reauthentication_token varchar(255) DEFAULT '',
	reauthentication_sent_at timestamptz,
	is_sso_user boolean NOT NULL DEFAULT false,
	deleted_at timestamptz,
	is_anonymous boolean NOT NULL DEFAULT false
);
-- By letter: two addresses that differ only by case are two users.
CREATE UNIQUE INDEX users_email_partial_key ON auth.users (email) WHERE NOT is_sso_user;

CREATE TABLE auth.identities (
	provider_id text NOT NULL,
	user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
	identity_data jsonb NOT NULL,
	provider text NOT NULL,
	last_sign_in_at timestamptz,
	created_at timestamptz,
	updated_at timestamptz,
	email text GENERATED ALWAYS AS (lower(identity_data ->> 'email')) STORED,
	id uuid NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
	UNIQUE (provider_id, provider)
);
CREATE INDEX ON auth.identities (user_id);

CREATE TABLE auth.mfa_factors (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
	friendly_name text,
	factor_type auth.factor_type NOT NULL,
	status auth.factor_status NOT NULL,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	secret text,
	phone text,
	last_challenged_at timestamptz
);

CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$
	SELECT nullif(current_setting('request.jwt.claim.sub', true), '')::uuid
$$;
CREATE FUNCTION auth.role() RETURNS text LANGUAGE sql STABLE AS $$
	SELECT nullif(current_setting('request.jwt.claim.role', true), '')
$$;

GRANT ALL ON ALL TABLES IN SCHEMA auth TO postgres;
RESET ROLE;

-- storage ------------------------------------------------------------------

CREATE SCHEMA storage AUTHORIZATION supabase_storage_admin;
GRANT USAGE ON SCHEMA storage TO postgres, anon, authenticated, service_role;
SET ROLE supabase_storage_admin;

CREATE TABLE storage.buckets (
	id text PRIMARY KEY,
	name text NOT NULL UNIQUE,
	public boolean DEFAULT false,
	created_at timestamptz DEFAULT now(),
	updated_at timestamptz DEFAULT now()
);
CREATE TABLE storage.objects (
	id uuid NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
	bucket_id text REFERENCES storage.buckets,
	name text,
	owner uuid,
	metadata jsonb,
	created_at timestamptz DEFAULT now(),
	updated_at timestamptz DEFAULT now(),
	UNIQUE (bucket_id, name)
);
INSERT INTO storage.buckets (id, name, public) VALUES ('public-assets', 'public-assets', true);

GRANT ALL ON ALL TABLES IN SCHEMA storage TO postgres;
RESET ROLE;

-- pg_cron (stand-in: nothing runs these jobs) -------------------------------

CREATE SCHEMA cron;
CREATE TABLE cron.job (
	jobid bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	schedule text NOT NULL,
	command text NOT NULL,
	nodename text NOT NULL DEFAULT 'localhost',
	nodeport integer NOT NULL DEFAULT inet_server_port(),
	database text NOT NULL DEFAULT current_database(),
	username text NOT NULL DEFAULT current_user,
	active boolean NOT NULL DEFAULT true,
	jobname text
);
CREATE FUNCTION cron.alter_job(
	job_id bigint, schedule text DEFAULT NULL, command text DEFAULT NULL,
	database text DEFAULT NULL, username text DEFAULT NULL, active boolean DEFAULT NULL
) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
	UPDATE cron.job AS job SET
		schedule = coalesce(alter_job.schedule, job.schedule),
		command = coalesce(alter_job.command, job.command),
		database = coalesce(alter_job.database, job.database),
		username = coalesce(alter_job.username, job.username),
		active = coalesce(alter_job.active, job.active)
	WHERE job.jobid = alter_job.job_id
$$;
GRANT USAGE ON SCHEMA cron TO postgres WITH GRANT OPTION;
GRANT SELECT ON cron.job TO postgres WITH GRANT OPTION;

-- pg_net (stand-in: requests are queued and never sent) ---------------------

CREATE SCHEMA net;
CREATE TABLE net.http_request_queue (
	id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	method text NOT NULL,
	url text NOT NULL,
	headers jsonb,
	body bytea,
	timeout_milliseconds integer NOT NULL DEFAULT 5000
);
CREATE FUNCTION net.http_post(url text, body jsonb DEFAULT '{}', headers jsonb DEFAULT '{"Content-Type": "application/json"}')
RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
	INSERT INTO net.http_request_queue (method, url, headers, body)
	VALUES ('POST', http_post.url, http_post.headers, convert_to(http_post.body::text, 'UTF8'))
	RETURNING id
$$;
GRANT USAGE ON SCHEMA net TO postgres, anon, authenticated, service_role;
GRANT SELECT ON net.http_request_queue TO postgres;
