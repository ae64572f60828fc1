import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	type StackAuth,
	startStackAuth,
} from "../emulator/peers/stack-auth/server";
import { migrateHere, refused } from "./cli";
import { type Database, emptySource, emptyTarget, run } from "./databases";
import { type Trouble, UnreliableProxy } from "./unreliable-proxy";

/** bcrypt of no password: the form is what matters. */
const HASH = `$2a$10$${"a".repeat(53)}`;
const COUNT = 300;

/** Ordinary users, and one of every odd kind. */
const USERS = `
	INSERT INTO auth.users (id, email, encrypted_password, email_confirmed_at, created_at, raw_user_meta_data, raw_app_meta_data)
	SELECT md5('user ' || n)::uuid, 'user' || n || '@example.com', '${HASH}', now(), '2026-01-01'::timestamptz + n * interval '1 s',
		jsonb_build_object('full_name', 'User ' || n), '{"provider": "email"}'
	FROM generate_series(1, ${COUNT}) n;
	INSERT INTO auth.users (id, email, encrypted_password, created_at, is_anonymous, is_sso_user, deleted_at, banned_until, phone) VALUES
		(md5('twin')::uuid, 'User1@Example.com', '${HASH}', '2026-02-01', false, false, NULL, NULL, NULL),
		(md5('anonymous')::uuid, NULL, NULL, '2026-02-02', true, false, NULL, NULL, NULL),
		(md5('deleted')::uuid, 'gone@example.com', '${HASH}', '2026-02-03', false, false, now(), NULL, NULL),
		(md5('banned')::uuid, 'banned@example.com', '${HASH}', '2026-02-04', false, false, NULL, 'infinity', NULL),
		(md5('phone')::uuid, NULL, NULL, '2026-02-05', false, false, NULL, NULL, '15550000'),
		(md5('argon')::uuid, 'argon@example.com', '$argon2id$v=19$m=1', '2026-02-06', false, false, NULL, NULL, NULL),
		(md5('oauth')::uuid, 'oauth@example.com', '', '2026-02-07', false, false, NULL, NULL, NULL);
	INSERT INTO auth.identities (provider_id, user_id, identity_data, provider)
	VALUES ('google-1', md5('oauth')::uuid, '{"email": "oauth@example.com"}', 'google');
`;
const MOVED = COUNT + 5;

describe("users", () => {
	let source: Database;
	let target: Database;
	let directory: string;
	let stackAuth: StackAuth;
	let proxy: UnreliableProxy;
	let env: Record<string, string>;
	const users = (...args: string[]) =>
		migrateHere(["users", "--dir", directory, ...args], env);

	before(async () => {
		source = await emptySource();
		await run(source.superuserUrl, USERS);
		directory = await mkdtemp(join(tmpdir(), "users-"));
		await migrateHere(["export", "--dir", directory], {
			SOURCE_DATABASE_URL: source.url,
		});
	});
	after(() => rm(directory, { recursive: true, force: true }));
	beforeEach(async () => {
		target = await emptyTarget();
		stackAuth = await startStackAuth({
			address: "127.0.0.1",
			sendMail: async () => assert.fail("nobody is to get mail"),
		});
		proxy = new UnreliableProxy(stackAuth.url);
		env = {
			STACK_AUTH_API_URL: await proxy.start(),
			STACK_AUTH_PROJECT_ID: stackAuth.projectId,
			STACK_AUTH_SECRET_SERVER_KEY: stackAuth.secretServerKey,
			TARGET_DATABASE_URL: target.url,
		};
	});
	afterEach(async () => {
		await proxy.stop();
		await stackAuth.close();
	});

	/** Stack Auth's users, past the proxy, by their old id. */
	async function moved(): Promise<Map<string, StoredUser>> {
		const { items } = (await call(stackAuth, "GET")) as { items: StoredUser[] };
		const byOldId = new Map(
			items.map((user) => [user.server_metadata?.supabase.id ?? "", user]),
		);
		assert.equal(byOldId.size, items.length, "somebody exists twice");
		return byOldId;
	}
	const map = () =>
		run(
			target.url,
			"SELECT old_id, new_id, state, reason FROM cutover.user_map ORDER BY old_id",
		);

	it("says in a dry run who would move, and moves nobody", async () => {
		const { json } = await users("--dry-run");
		assert.equal(json.moved, MOVED);
		assert.deepEqual(json.skipped, { anonymous: 1, deleted: 1 });
		assert.equal((await moved()).size, 0);
		assert.deepEqual(
			await run(
				target.url,
				"SELECT FROM pg_namespace WHERE nspname = 'cutover'",
			),
			[],
		);
	});

	it("moves each by its kind, and a second run does nothing", async () => {
		const { json, exitCode } = await users("--oauth-provider", "google");
		assert.equal(exitCode, 0);
		assert.equal(json.moved, MOVED);
		const there = await moved();
		assert.equal(there.size, MOVED);
		const stored = (name: string) => there.get(uuidOf(name));
		assert.deepEqual(
			pick(stored("user 7"), [
				...["display_name", "primary_email", "primary_email_verified"],
				...["primary_email_auth_enabled", "has_password", "client_metadata"],
			] as (keyof StoredUser)[]),
			{
				display_name: "User 7",
				primary_email: "user7@example.com",
				primary_email_verified: true,
				primary_email_auth_enabled: true,
				has_password: true,
				client_metadata: { full_name: "User 7" },
			},
		);
		assert.equal(stored("argon")?.has_password, false);
		assert.equal(stored("argon")?.primary_email_auth_enabled, true);
		assert.equal(stored("banned")?.primary_email_auth_enabled, false);
		assert.equal(stored("phone")?.primary_email, null);
		assert.deepEqual(stored("oauth")?.oauth_providers, [
			{ id: "google", account_id: "google-1", email: "oauth@example.com" },
		]);
		// Equal but for case: two users still, of whom the elder logs in.
		assert.equal(stored("user 1")?.primary_email_auth_enabled, true);
		assert.equal(stored("twin")?.primary_email_auth_enabled, false);
		assert.ok(
			(json.remarks as { id: string }[]).some(
				({ id }) => id === uuidOf("twin"),
			),
		);

		const rows = await map();
		assert.equal(rows.length, MOVED + 2);
		const requests = proxy.requests;
		const again = await users("--oauth-provider", "google");
		assert.equal(again.json.alreadyMoved, MOVED);
		assert.equal(again.json.moved, 0);
		assert.equal(proxy.requests, requests + 1, "only the check of the key");
		assert.deepEqual(await map(), rows);
	});

	it("makes each exactly once though answers are lost, also after the work was done", async () => {
		const troubles: Trouble[] = [
			"refuse",
			"throttle",
			"drop",
			"commit then fail",
			"commit then drop",
		];
		// Knuth's multiplicative hash: no rhythm that retries could fall into.
		proxy.trouble = (method, count) => {
			const draw = (Math.imul(count, 2654435761) >>> 16) % 15;
			return method === "POST" ? (troubles[draw] ?? "none") : "none";
		};
		const { json } = await users();
		assert.equal(json.moved, MOVED);
		const there = await moved();
		assert.equal(there.size, MOVED);
		for (const { old_id, new_id, state } of await map())
			assert.equal(new_id, state === "skipped" ? null : there.get(old_id)?.id);
	}).timeout(120_000);

	it("goes on where a run was cut short between creation and note", async () => {
		await users();
		// As a kill -9 leaves it: users made, notes not yet taken.
		await run(
			target.url,
			"UPDATE cutover.user_map SET state = 'pending', new_id = NULL WHERE state = 'moved' AND old_id < '40000000-0000-0000-0000-000000000000'",
		);
		await users();
		assert.equal((await moved()).size, MOVED);
		assert.equal(
			(await map()).filter(({ state }) => state === "moved").length,
			MOVED,
		);
	});

	it("does not merge with a user that signed up in the new system", async () => {
		await call(stackAuth, "POST", {
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

	it("keeps to the given number of requests at a time", async () => {
		await users("--concurrency", "3");
		assert.ok(proxy.widest <= 3, `${proxy.widest} at once`);
	});

	it("says what is wrong with a key that is refused, without showing it", async () => {
		env.STACK_AUTH_SECRET_SERVER_KEY = "wrong-key-of-mine";
		const error = await refused(["users", "--dir", directory], env);
		assert.equal(error.exitCode, 2);
		assert.match(error.message, /status 401/);
		assert.doesNotMatch(error.message, /wrong-key/);
	});
});

interface StoredUser {
	readonly id: string;
	readonly display_name: string | null;
	readonly primary_email: string | null;
	readonly primary_email_verified: boolean;
	readonly primary_email_auth_enabled: boolean;
	readonly has_password: boolean;
	readonly client_metadata: unknown;
	readonly server_metadata: {
		readonly supabase: { readonly id: string };
	} | null;
	readonly oauth_providers: unknown;
}

async function call(
	stackAuth: StackAuth,
	method: "GET" | "POST",
	body?: unknown,
): Promise<unknown> {
	const response = await fetch(
		`${stackAuth.url}/api/v1/users?limit=10000&include_restricted=true`,
		{
			method,
			headers: {
				"Content-Type": "application/json",
				"X-Stack-Access-Type": "server",
				"X-Stack-Project-Id": stackAuth.projectId,
				"X-Stack-Secret-Server-Key": stackAuth.secretServerKey,
			},
			...(body !== undefined && { body: JSON.stringify(body) }),
		},
	);
	assert.ok(response.ok, `status ${response.status}`);
	return response.json();
}

function pick<T extends object>(
	from: T | undefined,
	keys: readonly (keyof T)[],
): Partial<T> {
	return Object.fromEntries(
		keys.map((key) => [key, from?.[key]]),
	) as Partial<T>;
}

/** md5('…')::uuid, as the fixture makes ids. */
function uuidOf(name: string): string {
	return createHash("md5")
		.update(name)
		.digest("hex")
		.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
