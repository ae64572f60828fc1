import assert from "node:assert/strict";
import bcrypt from "bcryptjs";
import { type StackAuth, startStackAuth } from "./server";
import { totp } from "./totp";

describe("the Stack Auth stand-in", () => {
	const mails: { to: string; text: string }[] = [];
	let stackAuth: StackAuth;

	beforeEach(async () => {
		mails.length = 0;
		stackAuth = await startStackAuth({
			address: "127.0.0.1",
			sendMail: async (mail) => void mails.push(mail),
		});
	});
	afterEach(() => stackAuth.close());

	async function call(
		access: "client" | "server",
		method: string,
		path: string,
		body?: unknown,
		headers: Record<string, string> = {},
	) {
		const key: Record<string, string> =
			access === "server"
				? { "x-stack-secret-server-key": stackAuth.secretServerKey }
				: { "x-stack-publishable-client-key": stackAuth.publishableClientKey };
		const answer = await fetch(`${stackAuth.url}/api/v1${path}`, {
			method,
			headers: {
				"content-type": "application/json",
				"x-stack-access-type": access,
				"x-stack-project-id": stackAuth.projectId,
				...key,
				...headers,
			},
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		});
		const json = answer.headers.get("content-type") === "application/json";
		return {
			status: answer.status,
			known: answer.headers.get("x-stack-known-error"),
			body: (json ? await answer.json() : {}) as Record<string, unknown> & {
				items?: Record<string, unknown>[];
			},
		};
	}
	const create = (body: unknown) => call("server", "POST", "/users", body);
	const signIn = (email: string, password: string) =>
		call("client", "POST", "/auth/password/sign-in", { email, password });
	const listed = async (query = "") => {
		const { body } = await call("server", "GET", `/users?${query}`);
		return body.items ?? [];
	};

	it("refuses a wrong key, a missing access type and client access to users", async () => {
		const wrong = await call("server", "GET", "/users", undefined, {
			"x-stack-secret-server-key": "no",
		});
		assert.deepEqual(
			[wrong.status, wrong.known],
			[401, "INVALID_SECRET_SERVER_KEY"],
		);
		const none = await fetch(`${stackAuth.url}/api/v1/users`);
		assert.deepEqual(
			[none.status, none.headers.get("x-stack-known-error")],
			[400, "ACCESS_TYPE_REQUIRED"],
		);
		assert.equal((await call("client", "GET", "/users")).status, 401);
	});

	it("refuses a second log-in by an address, by letter case too, and no other duplicate", async () => {
		const user = {
			primary_email: "Ana@example.com",
			primary_email_auth_enabled: true,
		};
		assert.equal((await create(user)).body.primary_email, "ana@example.com");
		const again = await create({ ...user, primary_email: "ANA@example.com" });
		assert.deepEqual(
			[again.status, again.known],
			[409, "USER_EMAIL_ALREADY_EXISTS"],
		);
		assert.equal(
			(await create({ primary_email: "ana@example.com" })).status,
			201,
		);
		assert.equal(
			(await create({ primary_email: "ana@example.com" })).status,
			201,
		);
		assert.equal((await listed()).length, 3);
	});

	it("takes bcrypt hashes in three spellings up to cost 16, and nothing else", async () => {
		const hash = await bcrypt.hash("right", 4);
		for (const kind of ["$2a$", "$2b$", "$2y$"]) {
			const email = `${kind.slice(1, 3)}@example.com`;
			const { status } = await create({
				primary_email: email,
				primary_email_auth_enabled: true,
				password_hash: hash.replace("$2b$", kind),
			});
			assert.equal(status, 201);
			assert.equal((await signIn(email, "right")).status, 200);
			assert.equal(
				(await signIn(email, "wrong")).known,
				"EMAIL_PASSWORD_MISMATCH",
			);
		}
		for (const bad of [
			hash.replace("$04$", "$17$"),
			"$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
			"",
		])
			assert.equal((await create({ password_hash: bad })).status, 400, bad);
		assert.equal(
			(await create({ password_hash: hash, password: "both" })).status,
			400,
		);
	});

	it("logs in nobody without a password or without log-in by e-mail", async () => {
		await create({
			primary_email: "none@example.com",
			primary_email_auth_enabled: true,
		});
		assert.equal(
			(await signIn("none@example.com", "anything")).known,
			"EMAIL_PASSWORD_MISMATCH",
		);
		await create({ primary_email: "off@example.com", password: "password" });
		assert.equal(
			(await signIn("off@example.com", "password")).known,
			"EMAIL_PASSWORD_MISMATCH",
		);
	});

	it("searches for parts of names and addresses, page by page", async () => {
		for (const email of [
			"ana@example.com",
			"joana@example.com",
			"bo@example.com",
			"ana@example.com.au",
		])
			await create({ primary_email: email });
		const first = await call(
			"server",
			"GET",
			"/users?query=ana%40example.com&limit=2",
		);
		assert.equal(first.body.items?.length, 2);
		const { next_cursor: cursor } = first.body.pagination as {
			next_cursor: string;
		};
		const second = await call(
			"server",
			"GET",
			`/users?query=ana%40example.com&limit=2&cursor=${cursor}`,
		);
		assert.deepEqual(second.body.pagination, { next_cursor: null });
		// In order of creation to the millisecond, so here in any.
		assert.deepEqual(
			[...(first.body.items ?? []), ...(second.body.items ?? [])]
				.map((user) => user.primary_email)
				.sort(),
			["ana@example.com", "ana@example.com.au", "joana@example.com"],
		);
	});

	it("lists restricted and anonymous users on request only", async () => {
		await create({ display_name: "normal" });
		await create({ display_name: "closed", restricted_by_admin: true });
		await create({ is_anonymous: true });
		assert.equal((await listed()).length, 1);
		assert.equal((await listed("include_restricted=true")).length, 2);
		assert.equal((await listed("include_anonymous=true")).length, 3);
	});

	it("refuses an OAuth provider that the project does not have", async () => {
		const link = (id: string) =>
			create({
				oauth_providers: [{ id, account_id: "1", email: "a@example.com" }],
			});
		assert.equal((await link("google")).status, 201);
		assert.equal((await link("github")).status, 400);
	});

	it("refuses id and created_at", async () => {
		for (const key of ["id", "created_at"])
			assert.equal((await create({ [key]: "0" })).known, "SCHEMA_ERROR");
	});

	it("asks for a second factor only after an update has set its secret", async () => {
		const secret = Buffer.from("12345678901234567890").toString("base64");
		const { body } = await create({
			primary_email: "totp@example.com",
			primary_email_auth_enabled: true,
			password: "password",
			totp_secret_base64: secret,
		});
		assert.equal((await signIn("totp@example.com", "password")).status, 200);
		await call("server", "PATCH", `/users/${body.id}`, {
			totp_secret_base64: secret,
		});
		assert.equal(
			(await signIn("totp@example.com", "password")).known,
			"MULTI_FACTOR_AUTHENTICATION_REQUIRED",
		);
	});

	it("lets in with the second factor's code of RFC 6238, once an attempt", async () => {
		const secret = Buffer.from("12345678901234567890");
		// The RFC's own example for SHA-1, cut to 6 digits.
		assert.equal(totp(secret, 59_000), "287082");
		const { body } = await create({
			primary_email: "code@example.com",
			primary_email_auth_enabled: true,
			password: "password",
		});
		await call("server", "PATCH", `/users/${body.id}`, {
			totp_secret_base64: secret.toString("base64"),
		});
		const attempt = await signIn("code@example.com", "password");
		const { attempt_code: code } = attempt.body.details as {
			attempt_code: string;
		};
		const enter = (digits: string) =>
			call("client", "POST", "/auth/mfa/sign-in", {
				type: "totp",
				totp: digits,
				code,
			});
		const right = totp(secret);
		const wrong = right === "000000" ? "000001" : "000000";
		assert.equal((await enter(wrong)).known, "INVALID_TOTP_CODE");
		assert.equal((await enter(right)).body.user_id, body.id);
		assert.equal((await enter(right)).known, "VERIFICATION_CODE_ALREADY_USED");
	});

	it("keeps a former address as one to log in by, until it is removed", async () => {
		const { body } = await create({
			primary_email: "old@example.com",
			primary_email_auth_enabled: true,
			password: "password",
		});
		await call("server", "PATCH", `/users/${body.id}`, {
			primary_email: "new@example.com",
		});
		assert.equal((await signIn("new@example.com", "password")).status, 200);
		assert.equal((await signIn("old@example.com", "password")).status, 200);
		assert.equal((await listed("query=old%40example.com")).length, 1);
		const taken = await create({
			primary_email: "old@example.com",
			primary_email_auth_enabled: true,
		});
		assert.equal(taken.status, 409);
		const channels = await call(
			"server",
			"GET",
			`/contact-channels?user_id=${body.id}`,
		);
		const old = channels.body.items?.find(
			({ value }) => value === "old@example.com",
		);
		assert.equal(old?.used_for_auth, true);
		assert.equal(old?.is_primary, false);
		await call("server", "DELETE", `/contact-channels/${body.id}/${old?.id}`);
		assert.equal((await signIn("old@example.com", "password")).status, 400);
	});

	it("fails with 500 where only the database objects", async () => {
		const address = "two@example.com";
		await create({ primary_email: address, primary_email_auth_enabled: true });
		const { body } = await create({ primary_email: address });
		const on = await call("server", "PATCH", `/users/${body.id}`, {
			primary_email_auth_enabled: true,
		});
		assert.equal(on.status, 500);
		const google = { id: "google", account_id: "1" };
		assert.equal((await create({ oauth_providers: [google] })).status, 201);
		assert.equal((await create({ oauth_providers: [google] })).status, 500);
		const two = [
			{ ...google, account_id: "2" },
			{ ...google, account_id: "3" },
		];
		assert.equal((await create({ oauth_providers: two })).status, 500);
	});

	it("adds accounts at providers to a user, one a provider to sign in with", async () => {
		const { body } = await create({ display_name: "later" });
		const add = (account: string, signIn = true) =>
			call("server", "POST", "/oauth-providers", {
				user_id: body.id,
				provider_config_id: "google",
				account_id: account,
				allow_sign_in: signIn,
				allow_connected_accounts: true,
			});
		const patched = await call("server", "PATCH", `/users/${body.id}`, {
			oauth_providers: [],
		});
		assert.equal(patched.known, "SCHEMA_ERROR");
		assert.equal((await add("1")).status, 201);
		assert.equal((await add("1")).status, 400);
		assert.equal((await add("2")).status, 400);
		assert.equal((await add("2", false)).status, 201);
		const accounts = await call(
			"server",
			"GET",
			`/oauth-providers?user_id=${body.id}`,
		);
		assert.equal(accounts.body.items?.length, 2);
		const first = accounts.body.items?.[0]?.id;
		await call("server", "DELETE", `/oauth-providers/${body.id}/${first}`);
		assert.equal((await add("1")).status, 201);
	});

	it("searches as ILIKE does: wildcards are wild, a backslash hides itself", async () => {
		await create({ display_name: "100% Cold\\Chain" });
		const found = async (query: string) =>
			(await listed(`query=${encodeURIComponent(query)}`)).length;
		assert.equal(await found("100% cold"), 1);
		assert.equal(await found("1%c_ld"), 1);
		assert.equal(await found("Cold\\Chain"), 0);
		assert.equal(await found("Cold\\\\Chain"), 1);
	});

	it("names the project's ways to log in", async () => {
		const { body } = await call("server", "GET", "/projects/current");
		const config = body.config as Record<string, unknown>;
		assert.equal(config.credential_enabled, true);
		assert.deepEqual(config.enabled_oauth_providers, [{ id: "google" }]);
	});

	it("may answer 5xx with the user made all the same", async () => {
		stackAuth.fail({ status: 503, times: 1, afterCommit: true });
		assert.equal(
			(await create({ primary_email: "lost@example.com" })).status,
			503,
		);
		assert.equal((await listed()).length, 1);
		stackAuth.fail({ status: 500, times: 1, afterCommit: false });
		assert.equal(
			(await create({ primary_email: "never@example.com" })).status,
			500,
		);
		assert.equal((await listed()).length, 1);
	});

	it("mails a code that sets a password once, and answers alike for strangers", async () => {
		await create({
			primary_email: "forgot@example.com",
			primary_email_auth_enabled: true,
		});
		const send = (email: string) =>
			call("client", "POST", "/auth/password/send-reset-code", {
				email,
				callback_url: "https://example.com/reset",
			});
		assert.deepEqual(
			await send("forgot@example.com"),
			await send("stranger@example.com"),
		);
		assert.deepEqual(
			mails.map(({ to }) => to),
			["forgot@example.com"],
		);
		const code = new URL(
			mails[0]?.text.match(/https:\S+/)?.[0] ?? "",
		).searchParams.get("code");
		const reset = () =>
			call("client", "POST", "/auth/password/reset", {
				code,
				password: "a new password",
			});
		assert.equal((await reset()).status, 200);
		assert.equal(
			(await signIn("forgot@example.com", "a new password")).status,
			200,
		);
		assert.equal((await reset()).known, "VERIFICATION_CODE_ALREADY_USED");
	});
});
