import assert from "node:assert/strict";
import bcrypt from "bcryptjs";
import { migrateHere, refused } from "./cli";
import { type Database, emptySource, run } from "./databases";
import { NewSystem, uuidOf } from "./users-fixture";

const HASH = bcrypt.hashSync("correct horse", 4);
const OLD_USERS = `
	INSERT INTO auth.users (id, email, encrypted_password, email_confirmed_at, created_at)
	SELECT md5('user ' || n)::uuid, 'user' || n || '@example.com', '${HASH}', now(), '2026-01-01'::timestamptz + n * interval '1 s'
	FROM generate_series(1, 3) n;
	INSERT INTO auth.users (id, email, created_at, is_anonymous, deleted_at) VALUES
		(md5('deleted')::uuid, 'Gone@example.com', '2026-01-02', false, now());
	INSERT INTO auth.identities (provider_id, user_id, identity_data, provider)
	VALUES ('google-1', md5('user 1')::uuid, '{"email": "user1@example.com"}', 'google');
`;

interface Made {
	id: string;
	email: string | null;
	remarks: string[];
}

describe("users --reverse", () => {
	let source: Database;
	let system: NewSystem;
	const users = (...args: string[]) =>
		migrateHere(["users", ...args], system.env);
	const back = async () => (await users("--reverse")).json.made as Made[];
	const old = (sql: string) => run(source.superuserUrl, sql);
	/** All that the old system keeps of its log-ins. */
	const logIns = (where: string) =>
		old(
			`SELECT to_jsonb(u) AS "user" FROM auth.users u WHERE ${where} ORDER BY id`,
		);
	const signUp = async (body: Record<string, unknown>): Promise<string> =>
		(await system.call("server", "POST", "/users", body)).body.id;

	beforeEach(async () => {
		source = await emptySource();
		await old(OLD_USERS);
		system = await NewSystem.start(source);
		await users();
	});
	afterEach(() => system.stop());

	it("makes who signed up in the old system, and changes nobody there", async () => {
		const before = await logIns("true");
		const profiles = await old("SELECT * FROM profiles ORDER BY id");
		const id = await signUp({
			display_name: "Neo",
			primary_email: "neo@example.com",
			primary_email_verified: true,
			primary_email_auth_enabled: true,
			password: "a new password",
			client_metadata: { theme: "dark" },
			oauth_providers: [
				{ id: "google", account_id: "google-9", email: "neo@example.com" },
			],
		});
		assert.deepEqual(await back(), [
			{ id, email: "n…@example.com", remarks: [] },
		]);
		assert.deepEqual(await logIns(`id <> '${id}'`), before);
		// The sign-up's trigger would have made one with another id than the new system's.
		assert.deepEqual(await old("SELECT * FROM profiles ORDER BY id"), profiles);
		const [made] = await old(
			`SELECT email, encrypted_password, aud, role, email_confirmed_at IS NOT NULL AS confirmed, confirmation_token,
				recovery_token, email_change, raw_user_meta_data AS meta, raw_app_meta_data -> 'providers' AS providers
			FROM auth.users WHERE id = '${id}'`,
		);
		assert.deepEqual(made, {
			email: "neo@example.com",
			encrypted_password: "",
			aud: "authenticated",
			role: "authenticated",
			confirmed: true,
			confirmation_token: "",
			recovery_token: "",
			email_change: "",
			meta: { full_name: "Neo", theme: "dark" },
			providers: ["email", "google"],
		});
		assert.deepEqual(
			await old(
				`SELECT provider, provider_id, email FROM auth.identities WHERE user_id = '${id}' ORDER BY 1`,
			),
			[
				{ provider: "email", provider_id: id, email: "neo@example.com" },
				{
					provider: "google",
					provider_id: "google-9",
					email: "neo@example.com",
				},
			],
		);
	});

	it("notes them in the map and its mirror: neither way makes anybody twice", async () => {
		const id = await signUp({
			primary_email: "neo@example.com",
			primary_email_auth_enabled: true,
			password: "a new password",
		});
		await back();
		const row = { old_id: id, new_id: id };
		assert.deepEqual(
			(await system.map()).find(({ new_id }) => new_id === id),
			{ ...row, state: "moved", reason: null },
		);
		assert.deepEqual(
			await old(
				`SELECT old_id, new_id FROM cutover.user_map WHERE new_id = '${id}'`,
			),
			[row],
		);
		assert.deepEqual(await back(), []);
		const { json } = await users();
		assert.equal(json.moved, 0);
		assert.equal(json.shutOut, 0);
		assert.equal((await system.moved()).size, 4);
		assert.equal(
			await system.logsIn("neo@example.com", "a new password"),
			true,
		);
	});

	it("takes up a run whose notes were lost", async () => {
		const id = await signUp({ primary_email: "neo@example.com" });
		await back();
		await run(
			system.target.url,
			`DELETE FROM cutover.user_map WHERE new_id = '${id}' OR old_id = '${uuidOf("user 1")}'`,
		);
		await old("DELETE FROM cutover.user_map");
		const before = await logIns("true");
		assert.deepEqual(await back(), []);
		assert.deepEqual(await logIns("true"), before);
		assert.equal(
			(await system.map()).filter(({ state }) => state === "moved").length,
			4,
		);
	});

	it("leaves addresses and accounts with those who have them, and says so", async () => {
		await old(
			`UPDATE auth.users SET deleted_at = NULL WHERE id = md5('deleted')::uuid`,
		);
		const taken = await signUp({ primary_email: "gone@example.com" });
		await users("--dry-run");
		const account = await signUp({
			primary_email: "neo@example.com",
			oauth_providers: [
				{ id: "microsoft", account_id: "google-1", email: "neo@example.com" },
			],
		});
		await signUp({ is_anonymous: true });
		const shutOut = await signUp({
			primary_email: "shut@example.com",
			restricted_by_admin: true,
		});
		const { json } = await users(
			"--reverse",
			"--oauth-provider",
			"google=microsoft",
		);
		assert.equal(json.anonymous, 1);
		const remarks = new Map(
			(json.made as Made[]).map(({ id, remarks }) => [id, remarks]),
		);
		assert.deepEqual(remarks.get(taken), [
			`made without an address: user ${uuidOf("deleted")} of the old system has it`,
			"nothing to log in by in the old system",
		]);
		assert.deepEqual(remarks.get(account), [
			"account at google left away: another user of the old system signs in by it",
		]);
		assert.deepEqual(remarks.get(shutOut), [
			"shut out in the new system: banned",
		]);
		assert.deepEqual(
			await old(
				`SELECT email, banned_until > now() + interval '50 years' AS "banned" FROM auth.users
				WHERE id IN ('${taken}', '${account}', '${shutOut}') ORDER BY 1 NULLS FIRST`,
			),
			[
				{ email: null, banned: null },
				{ email: "neo@example.com", banned: null },
				{ email: "shut@example.com", banned: true },
			],
		);
	});

	it("says what the role lacks where it may not write Supabase's users (exit 4)", async () => {
		await signUp({ primary_email: "neo@example.com" });
		await old("REVOKE INSERT ON auth.users FROM postgres");
		const before = await logIns("true");
		const error = await refused(["users", "--reverse"], system.env);
		assert.equal(error.exitCode, 4);
		assert.match(error.found, /permission denied for table users/);
		assert.match(error.fix, /GRANT INSERT/);
		assert.deepEqual(await logIns("true"), before);
	});

	it("says in a dry run who would be made, and makes nobody", async () => {
		await signUp({ primary_email: "neo@example.com" });
		const before = await logIns("true");
		const { json } = await users("--reverse", "--dry-run");
		assert.equal((json.made as Made[]).length, 1);
		assert.deepEqual(await logIns("true"), before);
	});
});
