import assert from "node:assert/strict";
import { appendFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import bcrypt from "bcryptjs";
import { totp } from "../emulator/peers/stack-auth/totp";
import { migrateHere, refused, withDirectory } from "./cli";
import { type Database, emptySource, run } from "./databases";
import { NewSystem, uuidOf } from "./users-fixture";

/** bcrypt of no password: the form is what matters. */
const HASH = `$2a$10$${"a".repeat(53)}`;
const PASSWORD = "correct horse";
/** Of cost 4, so that log-ins take no time. */
const LOG_IN_HASH = bcrypt.hashSync(PASSWORD, 4);
/** Base 32 of RFC 6238's secret. */
const SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const COUNT = 40;

/** Ordinary users, and one of every odd kind. */
const USERS = `
	INSERT INTO auth.users (id, email, encrypted_password, email_confirmed_at, created_at, raw_user_meta_data, raw_app_meta_data)
	SELECT md5('user ' || n)::uuid, 'user' || n || '@example.com', '${HASH}', now(), '2026-01-01'::timestamptz + n * interval '1 s',
		jsonb_build_object('full_name', 'User ' || n, 'avatar_url', 'https://example.com/' || n || '.png'),
		'{"provider": "email", "providers": ["email"], "plan": "gold"}'
	FROM generate_series(1, ${COUNT}) n;
	INSERT INTO auth.users (id, email, encrypted_password, created_at, is_anonymous, is_sso_user, deleted_at, banned_until, phone) VALUES
		(md5('twin')::uuid, 'User1@Example.com', '${HASH}', '2026-02-01', false, false, NULL, NULL, NULL),
		(md5('anonymous')::uuid, NULL, NULL, '2026-02-02', true, false, NULL, NULL, NULL),
		(md5('deleted')::uuid, 'gone@example.com', '${HASH}', '2026-02-03', false, false, now(), NULL, NULL),
		(md5('banned')::uuid, 'banned@example.com', '${LOG_IN_HASH}', '2026-02-04', false, false, NULL, 'infinity', NULL),
		(md5('phone')::uuid, NULL, NULL, '2026-02-05', false, false, NULL, NULL, '15550000'),
		(md5('argon')::uuid, 'argon@example.com', '$argon2id$v=19$m=1', '2026-02-06', false, false, NULL, NULL, NULL),
		(md5('oauth')::uuid, 'oauth@example.com', '', '2026-02-07', false, false, NULL, NULL, NULL),
		(md5('sso')::uuid, 'user2@example.com', NULL, '2025-01-01', false, true, NULL, NULL, NULL),
		(md5('factor')::uuid, 'factor@example.com', '${LOG_IN_HASH}', '2026-02-08', false, false, NULL, NULL, NULL);
	INSERT INTO auth.identities (provider_id, user_id, identity_data, provider) VALUES
		('google-1', md5('oauth')::uuid, '{"email": "oauth@example.com"}', 'google'),
		('azure-1', md5('oauth')::uuid, '{"email": "oauth@example.com"}', 'azure'),
		('github-1', md5('oauth')::uuid, '{}', 'github'),
		('google-2', md5('factor')::uuid, '{}', 'google');
	INSERT INTO auth.mfa_factors (id, user_id, factor_type, status, secret, created_at, updated_at, last_challenged_at) VALUES
		(md5('a')::uuid, md5('factor')::uuid, 'totp', 'verified', 'MZXW6YTBOI', now(), now(), '2026-01-01'),
		(md5('b')::uuid, md5('factor')::uuid, 'totp', 'verified', '${SECRET}', now(), now(), '2026-02-01'),
		(md5('c')::uuid, md5('factor')::uuid, 'totp', 'unverified', 'MZXW6YTBOI', now(), now(), NULL);
`;
/** All but the anonymous, the deleted and the one of single sign-on. */
const MOVED = COUNT + 6;

describe("users", () => {
	let source: Database;
	let system: NewSystem;
	const users = (...args: string[]) =>
		migrateHere(["users", ...args], system.env);
	/** Changes the old system as only its own Auth service can. */
	const old = (sql: string) =>
		run(source.superuserUrl, `SET search_path = public; ${sql}`);
	const stored = async (name: string) => {
		const user = (await system.moved()).get(uuidOf(name));
		assert.ok(user, `${name} is not there`);
		return user;
	};
	const writes = () =>
		system.proxy.writes.map(({ method, path }) => `${method} ${path}`);

	beforeEach(async () => {
		source = await emptySource();
		await run(source.superuserUrl, USERS);
		system = await NewSystem.start(source);
	});
	afterEach(() => system.stop());

	describe("that move", () => {
		it("are counted in a dry run, and nobody moves", async () => {
			const { json } = await users("--dry-run");
			assert.equal(json.moved, MOVED);
			assert.deepEqual(json.skipped, {
				anonymous: 1,
				deleted: 1,
				"single sign-on": 1,
			});
			assert.equal((await system.moved()).size, 0);
			assert.deepEqual(
				await run(
					system.target.url,
					"SELECT FROM pg_namespace WHERE nspname = 'cutover'",
				),
				[],
			);
		});

		it("come as what they are, straight from the live source", async () => {
			const { json, exitCode } = await users(
				"--oauth-provider",
				"azure=microsoft",
			);
			assert.equal(exitCode, 0);
			assert.equal(json.moved, MOVED);
			assert.deepEqual(json.states, { moved: MOVED, skipped: 3 });
			const { id, server_metadata, ...seven } = await stored("user 7");
			assert.deepEqual(
				{ ...seven, signed_up_at_millis: 0, last_active_at_millis: 0 },
				{
					display_name: "User 7",
					primary_email: "user7@example.com",
					primary_email_verified: true,
					primary_email_auth_enabled: true,
					profile_image_url: "https://example.com/7.png",
					signed_up_at_millis: 0,
					last_active_at_millis: 0,
					client_metadata: {
						full_name: "User 7",
						avatar_url: "https://example.com/7.png",
					},
					client_read_only_metadata: { plan: "gold" },
					has_password: true,
					otp_auth_enabled: false,
					auth_with_email: true,
					requires_totp_mfa: false,
					passkey_auth_enabled: false,
					oauth_providers: [],
					selected_team: null,
					selected_team_id: null,
					is_anonymous: false,
					is_restricted: false,
					restricted_reason: null,
					restricted_by_admin: false,
					restricted_by_admin_reason: null,
					restricted_by_admin_private_details: null,
				},
			);
			assert.equal(server_metadata?.supabase?.id, uuidOf("user 7"));
			const argon = await stored("argon");
			assert.equal(argon.has_password, false);
			assert.equal(argon.primary_email_auth_enabled, true);
			const phone = await stored("phone");
			assert.equal(phone.primary_email, null);
			assert.equal(phone.server_metadata?.supabase?.phone, "15550000");
			assert.deepEqual((await stored("oauth")).oauth_providers, [
				{
					id: "microsoft",
					account_id: "azure-1",
					email: "oauth@example.com",
				},
				{ id: "google", account_id: "google-1", email: "oauth@example.com" },
			]);
			const banned = await stored("banned");
			assert.equal(banned.restricted_by_admin, true);
			assert.equal(await system.logsIn("banned@example.com", PASSWORD), false);
			// Equal but for case: two users still, of whom the elder logs in.
			assert.equal((await stored("user 1")).primary_email_auth_enabled, true);
			assert.equal((await stored("twin")).primary_email_auth_enabled, false);
			const remarks = json.remarks as { remark: string; users: number }[];
			for (const text of ["equal but for case", "github", "further totp"])
				assert.equal(
					remarks.find(({ remark }) => remark.includes(text))?.users,
					1,
					text,
				);
		});

		it("never log in by password alone where they have a second factor", async () => {
			let open = false;
			system.proxy.trouble = ({ method, path }) => {
				if (method !== "POST" || !path.startsWith("/api/v1/users"))
					void system
						.logsIn("factor@example.com", PASSWORD)
						.then((logsIn) => (open ||= logsIn));
				return "none";
			};
			await users();
			system.proxy.trouble = () => "none";
			assert.equal(await system.logsIn("factor@example.com", PASSWORD), false);
			assert.equal(open, false);
			const asked = await system.call(
				"client",
				"POST",
				"/auth/password/sign-in",
				{
					email: "factor@example.com",
					password: PASSWORD,
				},
			);
			const secret = Buffer.from("12345678901234567890");
			const entered = await system.call("client", "POST", "/auth/mfa/sign-in", {
				type: "totp",
				totp: totp(secret),
				code: asked.body.details.attempt_code,
			});
			assert.equal(entered.status, 200);
			assert.equal(entered.body.user_id, (await stored("factor")).id);
			assert.deepEqual((await stored("factor")).oauth_providers, [
				{ id: "google", account_id: "google-2", email: "factor@example.com" },
			]);
		});

		it("come of every kind when told so", async () => {
			const { json } = await users(
				...["--anonymous-users", "create", "--deleted-users", "create"],
				...["--sso-users", "create"],
			);
			assert.equal(json.moved, MOVED + 3);
			assert.equal((await stored("anonymous")).is_anonymous, true);
			const deleted = await stored("deleted");
			assert.equal(deleted.restricted_by_admin_reason, "Deleted");
			assert.equal(deleted.primary_email_auth_enabled, false);
			// The address is the elder's, but it is nobody's own in single sign-on.
			assert.equal((await stored("user 2")).primary_email_auth_enabled, true);
			assert.equal((await stored("sso")).primary_email_auth_enabled, false);
			// Later an ordinary user.
			await old(`
				UPDATE auth.users SET is_anonymous = false, email = 'known@example.com' WHERE id = md5('anonymous')::uuid
			`);
			await users("--deleted-users", "create", "--sso-users", "create");
			assert.equal((await stored("anonymous")).is_anonymous, false);
			assert.equal(
				(await stored("anonymous")).primary_email,
				"known@example.com",
			);
		});

		it("carry no hash when told so", async () => {
			const { json } = await users("--reset-passwords");
			assert.equal(json.withHash, 0);
			for (const user of (await system.moved()).values())
				assert.equal(user.has_password, false);
		});

		it("keep to the given number of requests at a time", async () => {
			await users("--concurrency", "3");
			assert.ok(system.proxy.widest <= 3, `${system.proxy.widest} at once`);
		});

		it("are not merged with a user that signed up in the new system", async () => {
			await system.call("server", "POST", "/users", {
				display_name: "early bird",
				primary_email: "user5@example.com",
				primary_email_auth_enabled: true,
			});
			const { json, exitCode } = await users();
			assert.equal(exitCode, 3);
			assert.deepEqual(json.conflicts, [
				{
					id: uuidOf("user 5"),
					reason: "Stack Auth has another user with this e-mail address",
				},
			]);
		});

		it("are those of an export too, whose file is checked first", async () => {
			await withDirectory(async (directory) => {
				await migrateHere(["export", "--dir", directory], system.env);
				await old("DELETE FROM auth.users WHERE email = 'user9@example.com'");
				const { json } = await users("--dir", directory);
				assert.equal(json.moved, MOVED);
				assert.equal(json.shutOut, 0);
				const [folder = ""] = (await readdir(directory)).filter((name) =>
					name.startsWith("data-"),
				);
				await appendFile(join(directory, folder, "users.jsonl.br"), "x");
				const damaged = await refused(
					["users", "--dir", directory],
					system.env,
				);
				assert.match(damaged.found, /sha256/);
			});
		});
	});

	describe("that moved", () => {
		it("are left alone by a second run: it asks for the project and nothing else", async () => {
			await users();
			const rows = await system.map();
			assert.equal(rows.length, MOVED + 3);
			system.proxy.reset();
			await old("UPDATE auth.users SET last_sign_in_at = now()");
			const { json } = await users();
			assert.equal(json.alreadyMoved, MOVED);
			assert.deepEqual(
				system.proxy.seen.map(({ method, path }) => `${method} ${path}`),
				["GET /api/v1/projects/current"],
			);
			assert.deepEqual(await system.map(), rows);
		});

		it("are changed as they changed in the old system, and nothing else is sent", async () => {
			await users();
			const at = async (name: string) =>
				`/api/v1/users/${(await stored(name)).id}`;
			system.proxy.reset();
			await old(`
				UPDATE auth.users SET encrypted_password = '${LOG_IN_HASH}' WHERE email = 'user3@example.com';
				UPDATE auth.users SET email_confirmed_at = now() WHERE email = 'argon@example.com';
				UPDATE auth.users SET banned_until = NULL WHERE email = 'banned@example.com';
				UPDATE auth.users SET banned_until = 'infinity' WHERE email = 'user4@example.com';
				INSERT INTO auth.users (id, email, created_at) VALUES (md5('late')::uuid, 'late@example.com', now());
			`);
			const dry = await users("--dry-run");
			assert.equal(dry.json.updated, 4);
			assert.equal(dry.json.moved, 1);
			assert.deepEqual(system.proxy.writes, []);
			const { json, exitCode } = await users();
			assert.equal(exitCode, 0);
			assert.equal(json.updated, 4);
			assert.equal(json.moved, 1);
			assert.deepEqual(
				writes().sort(),
				[
					"POST /api/v1/users",
					...(await Promise.all(
						["user 3", "argon", "banned", "user 4"].map(
							async (name) => `PATCH ${await at(name)}`,
						),
					)),
				].sort(),
			);
			assert.ok(await system.logsIn("user3@example.com", PASSWORD));
			assert.ok(await system.logsIn("banned@example.com", PASSWORD));
			assert.equal((await stored("banned")).restricted_by_admin, false);
			assert.equal((await stored("argon")).primary_email_verified, true);
			assert.equal((await stored("user 4")).restricted_by_admin, true);
			system.proxy.reset();
			assert.equal((await users()).json.updated, 0);
			assert.deepEqual(system.proxy.writes, []);
		});

		it("log in by a new address and no longer by the former, also where another takes that", async () => {
			await old(`UPDATE auth.users SET encrypted_password = '${LOG_IN_HASH}'`);
			await users();
			// The elder, whose turn is first, takes what the younger gives up.
			await old(`
				UPDATE auth.users SET email = 'free@example.com' WHERE email = 'user10@example.com';
				UPDATE auth.users SET email = 'user10@example.com' WHERE email = 'user6@example.com';
				UPDATE auth.users SET email = NULL, phone = '1556' WHERE email = 'user8@example.com';
			`);
			const { exitCode, json } = await users();
			assert.equal(exitCode, 0, JSON.stringify(json.conflicts));
			assert.ok(await system.logsIn("free@example.com", PASSWORD));
			assert.ok(await system.logsIn("user10@example.com", PASSWORD));
			assert.equal(await system.logsIn("user6@example.com", PASSWORD), false);
			assert.equal(await system.logsIn("user8@example.com", PASSWORD), false);
			assert.equal(
				(await stored("user 6")).primary_email,
				"user10@example.com",
			);
			assert.equal((await stored("user 8")).primary_email, null);
		});

		it("get and lose accounts at providers, but keep those they added themselves", async () => {
			await users();
			const { id } = await stored("oauth");
			await system.call("server", "POST", "/oauth-providers", {
				user_id: id,
				provider_config_id: "microsoft",
				account_id: "own",
				allow_sign_in: true,
				allow_connected_accounts: true,
			});
			await old(`
				DELETE FROM auth.identities WHERE provider_id = 'google-1';
				INSERT INTO auth.identities (provider_id, user_id, identity_data, provider)
				VALUES ('google-7', md5('user 7')::uuid, '{"email": "other@example.com"}', 'google');
			`);
			const { json } = await users();
			assert.equal(json.updated, 2);
			assert.deepEqual((await stored("oauth")).oauth_providers, [
				{ id: "microsoft", account_id: "own", email: null },
			]);
			assert.deepEqual((await stored("user 7")).oauth_providers, [
				{ id: "google", account_id: "google-7", email: "other@example.com" },
			]);
		});

		it("are asked for a second factor that they set up since", async () => {
			await users();
			await old(`
				INSERT INTO auth.mfa_factors (id, user_id, factor_type, status, secret, created_at, updated_at)
				VALUES (md5('d')::uuid, md5('user 7')::uuid, 'totp', 'verified', '${SECRET}', now(), now());
				DELETE FROM auth.mfa_factors WHERE user_id = md5('factor')::uuid;
			`);
			await users();
			assert.equal((await stored("user 7")).requires_totp_mfa, true);
			assert.equal((await stored("factor")).requires_totp_mfa, false);
		});

		it("are shut out when the old system has removed them, and let in when it brings them back", async () => {
			await old(`UPDATE auth.users SET encrypted_password = '${LOG_IN_HASH}'`);
			await users();
			await old(`
				UPDATE auth.users SET deleted_at = now() WHERE email = 'user3@example.com';
				DELETE FROM auth.users WHERE email = 'user4@example.com';
			`);
			const { json } = await users();
			assert.equal(json.shutOut, 2);
			for (const email of ["user3@example.com", "user4@example.com"])
				assert.equal(await system.logsIn(email, PASSWORD), false);
			system.proxy.reset();
			assert.equal((await users()).json.shutOut, 0);
			assert.deepEqual(system.proxy.writes, []);
			await old("UPDATE auth.users SET deleted_at = NULL");
			await users();
			assert.ok(await system.logsIn("user3@example.com", PASSWORD));
		});

		it("keep what the new application noted beside", async () => {
			await users();
			const { id, server_metadata } = await stored("user 7");
			await system.call("server", "PATCH", `/users/${id}`, {
				server_metadata: { ...server_metadata, own: true },
			});
			await old(
				"UPDATE auth.users SET phone = '1557' WHERE email = 'user7@example.com'",
			);
			await users();
			const seven = await stored("user 7");
			assert.equal(seven.server_metadata?.supabase?.phone, "1557");
			assert.equal(
				(seven.server_metadata as Record<string, unknown>).own,
				true,
			);
		});

		it("are not shut out for a wrong source", async () => {
			await users();
			const other = await emptySource();
			const error = await refused(["users"], {
				...system.env,
				SOURCE_DATABASE_URL: other.url,
			});
			assert.equal(error.exitCode, 4);
			assert.match(error.found, /of them gone/);
		});

		it("are named when the new system removed them", async () => {
			await users();
			const { id } = await stored("user 7");
			await system.call("server", "DELETE", `/users/${id}`);
			await old(
				"UPDATE auth.users SET phone = '1558' WHERE email = 'user7@example.com'",
			);
			const { json, exitCode } = await users();
			assert.equal(exitCode, 3);
			assert.deepEqual(json.conflicts, [
				{
					id: uuidOf("user 7"),
					reason: "the user was removed from Stack Auth",
				},
			]);
		});

		it("are found again where their map was lost, whatever they are called now", async () => {
			await users();
			const before = await system.moved();
			const { id } = await stored("phone");
			await system.call("server", "PATCH", `/users/${id}`, {
				display_name: "renamed",
			});
			await run(system.target.url, "TRUNCATE cutover.user_map");
			await users();
			const after = await system.moved();
			assert.deepEqual([...after.keys()].sort(), [...before.keys()].sort());
			assert.equal((await system.map()).length, MOVED + 3);
		});
	});

	it("says what is wrong with a key that is refused, without showing it", async () => {
		system.env.STACK_AUTH_SECRET_SERVER_KEY = "wrong-key-of-mine";
		const error = await refused(["users"], system.env);
		assert.equal(error.exitCode, 2);
		assert.match(error.message, /status 401/);
		assert.doesNotMatch(error.message, /wrong-key/);
	});

	it("refuses a provider that the project does not have", async () => {
		const error = await refused(
			["users", "--oauth-provider", "github"],
			system.env,
		);
		assert.equal(error.exitCode, 2);
		assert.match(error.expected, /google, microsoft/);
	});

	it("lets one run at a time have the map", async () => {
		let release = () => {};
		const held = new Promise<void>((resolve) => {
			release = resolve;
		});
		let second: Promise<unknown> | undefined;
		// The first creation is answered once the second run has been refused.
		system.proxy.trouble = ({ method }) => {
			if (method === "POST" && !second)
				second = refused(["users"], system.env).finally(release);
			return "none";
		};
		await users();
		await held;
		assert.equal(((await second) as { exitCode: number }).exitCode, 4);
		assert.equal((await system.moved()).size, MOVED);
	});

	describe("without a password", () => {
		const resets = (...args: string[]) =>
			users(
				...["--send-resets", "--reset-url", "https://app.example.com/reset"],
				...args,
			);

		it("get no mail unless asked for", async () => {
			await users();
			assert.deepEqual(system.mails, []);
			const { json } = await resets("--dry-run");
			assert.equal(json.due, 1);
			assert.deepEqual(system.mails, []);
		});

		it("get one mail each, evenly, and none when a run is repeated", async () => {
			await users("--reset-passwords");
			system.proxy.reset();
			// One each 10 ms.
			const { json } = await resets("--resets-per-hour", "360000");
			const due = COUNT + 2;
			assert.deepEqual(
				[json.due, json.sent, json.settled, json.passedOver],
				[due, due, 0, 0],
			);
			assert.equal(new Set(system.mails.map(({ to }) => to)).size, due);
			assert.equal(system.mails.length, due);
			const mailed = system.proxy.writes.map(({ at }) => at);
			assert.ok((mailed.at(-1) ?? 0) - (mailed[0] ?? 0) >= (due - 1) * 9);
			assert.equal((await resets()).json.due, 0);
			await users("--reset-passwords");
			assert.equal((await resets()).json.due, 0);
			assert.equal(system.mails.length, due);
		});

		it("get none once they have chosen one", async () => {
			await users();
			const { id } = await stored("argon");
			await system.call("server", "PATCH", `/users/${id}`, {
				password: "chosen meanwhile",
			});
			const { json } = await resets();
			assert.deepEqual([json.due, json.sent, json.settled], [1, 0, 1]);
			assert.deepEqual(system.mails, []);
		});

		it("keep the pace of the run before", async () => {
			await users();
			await old(
				"INSERT INTO auth.users (id, email, created_at) VALUES (md5('late')::uuid, 'late@example.com', now())",
			);
			await resets();
			await users();
			system.proxy.reset();
			const began = performance.now();
			// One each 400 ms, and the last one was sent just now.
			await run(
				system.target.url,
				"UPDATE cutover.user_map SET reset_sent_at = clock_timestamp() WHERE reset_sent_at IS NOT NULL",
			);
			await resets("--resets-per-hour", "9000");
			const [mail] = system.proxy.writes;
			assert.ok(mail && mail.at - began > 300, `${mail?.at} after ${began}`);
			assert.equal(system.mails.length, 2);
		});

		it("is refused without a page to choose a password on", async () => {
			const error = await refused(["users", "--send-resets"], system.env);
			assert.match(error.expected, /--reset-url/);
		});
	});
});
