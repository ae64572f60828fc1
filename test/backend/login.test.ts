import assert from "node:assert/strict";
import { startAuth, type TestAuth } from "./auth-support";
import {
	ask,
	createTenant,
	environment,
	startBackend,
	startDatabase,
	type TestBackend,
	type TestDatabase,
} from "./support";

const PASSWORD = "correct horse battery";

describe("log-in", () => {
	let database: TestDatabase;
	let auth: TestAuth;
	let backend: TestBackend;
	let userId: string;

	before(async () => {
		database = await startDatabase();
		auth = await startAuth();
		backend = await startBackend(environment(database.url, auth.environment));
		const tenant = await createTenant(database.pool, "ada");
		userId = await auth.createUser(tenant.email, PASSWORD);
		await database.pool.query(
			"UPDATE profiles SET user_id = $1 WHERE user_id = $2",
			[userId, tenant.userId],
		);
	});
	after(async () => {
		await backend?.stop();
		await auth?.service.close();
		await database?.stop();
	});
	beforeEach(() => {
		auth.mails.length = 0;
	});

	const login = (email: string, password: string) =>
		ask(`${backend.url}/api/auth/login`, { body: { email, password } });
	const logins = async (result: string) => {
		const { body } = await ask(`${backend.url}/metrics`);
		const line = new RegExp(`^logins_total{result="${result}"} (\\d+)$`, "m");
		return Number(line.exec(body)?.[1]);
	};

	it("gives tokens and the user", async () => {
		const before = await logins("success");
		const answer = await login("ada@example.com", PASSWORD);
		assert.equal(answer.status, 200);
		assert.deepEqual(answer.body.user, {
			id: userId,
			email: "ada@example.com",
			fullName: "Ada Lovelace",
		});
		assert.match(answer.body.accessToken, /^[\w-]+\.[\w-]+\.[\w-]+$/);
		assert(answer.body.refreshToken);
		assert.equal(await logins("success"), before + 1);
	});

	it("refuses a wrong password and an unknown address alike", async () => {
		const before = await logins("failure");
		const wrong = await login("ada@example.com", "guess");
		const unknown = await login("nobody@example.com", "guess");
		assert.equal(wrong.status, 401);
		assert.equal(wrong.body.code, "INVALID_CREDENTIALS");
		assert.deepEqual([unknown.status, unknown.body], [401, wrong.body]);
		assert.equal(auth.mails.length, 0);
		assert.equal(await logins("failure"), before + 2);
	});

	it("asks a user without password to reset, mails once and lets them in again", async () => {
		await auth.createUser("moved@example.com");
		const first = await login("Moved@example.com", "the old one");
		assert.equal(first.status, 409);
		assert.equal(first.body.code, "PASSWORD_RESET_REQUIRED");
		const again = await login("moved@example.com", "the old one");
		assert.equal(again.status, 409);
		assert.equal(auth.mails.length, 1);
		assert.equal(await logins("reset_required"), 2);

		const link = new URL(
			/https:\S+/.exec(auth.mails[0]?.text ?? "")?.[0] ?? "",
		);
		assert.equal(
			link.origin + link.pathname,
			"https://site.example/reset-password",
		);
		const code = link.searchParams.get("code");
		const reset = () =>
			ask(`${backend.url}/api/auth/reset-password`, {
				body: { code, password: PASSWORD },
			});
		assert.equal((await reset()).status, 200);
		assert.equal((await login("moved@example.com", PASSWORD)).status, 200);

		const spent = await reset();
		assert.equal(spent.status, 400);
		assert.equal(spent.body.code, "RESET_REFUSED");
	});

	it("takes no other user's missing password for this one's", async () => {
		await auth.createUser("xada@example.com.au");
		const answer = await login("ada@example.com", "guess");
		assert.equal(answer.status, 401);
	});

	it("finds the user behind many with a similar address", async () => {
		await Promise.all(
			Array.from({ length: 101 }, (_none, index) =>
				auth.call("POST", "/users", {
					primary_email: `x${index}.late@example.com`,
				}),
			),
		);
		await auth.createUser("late@example.com");
		assert.equal((await login("late@example.com", "guess")).status, 409);
	});

	it("passes a demand for a second factor on as a refusal", async () => {
		const id = await auth.createUser("totp@example.com", PASSWORD);
		await auth.call("PATCH", `/users/${id}`, {
			totp_secret_base64: Buffer.from("12345678901234567890").toString(
				"base64",
			),
		});
		const answer = await login("totp@example.com", PASSWORD);
		assert.equal(answer.status, 403);
		assert.equal(answer.body.code, "MULTI_FACTOR_AUTHENTICATION_REQUIRED");
	});

	it("refuses a body that is no log-in", async () => {
		for (const body of [{}, { email: "ada", password: "x" }, [], "ada"]) {
			const answer = await ask(`${backend.url}/api/auth/login`, { body });
			assert.equal(answer.status, 400);
			assert.equal(answer.body.code, "INVALID_REQUEST");
		}
	});

	it("answers 502 when Stack Auth fails, and shows nothing of it", async () => {
		auth.service.fail({ status: 503, times: 1, afterCommit: false });
		const failing = await login("ada@example.com", "guess");
		assert.equal(failing.status, 502);
		assert.equal(failing.body.code, "AUTH_UNAVAILABLE");

		const lonely = await startBackend(environment(database.url));
		try {
			const answer = await ask(`${lonely.url}/api/auth/login`, {
				body: { email: "ada@example.com", password: PASSWORD },
			});
			assert.equal(answer.status, 502);
			assert.doesNotMatch(JSON.stringify(answer.body), /127\.0\.0\.1/);
		} finally {
			await lonely.stop();
		}
	});

	it("mails nothing, but still asks, where the site is not known", async () => {
		const { SITE_ORIGIN: _site, ...rest } = environment(
			database.url,
			auth.environment,
		);
		const mute = await startBackend(rest);
		try {
			await auth.createUser("unmailed@example.com");
			const answer = await ask(`${mute.url}/api/auth/login`, {
				body: { email: "unmailed@example.com", password: "guess" },
			});
			assert.equal(answer.status, 409);
			assert.equal(auth.mails.length, 0);
			assert(mute.logs().some(({ msg }) => /SITE_ORIGIN/.test(String(msg))));
		} finally {
			await mute.stop();
		}
	});

	it("keeps passwords, tokens and keys out of the log", async () => {
		const { body } = await login("ada@example.com", PASSWORD);
		const log = JSON.stringify(backend.logs());
		for (const secret of [
			PASSWORD,
			body.accessToken,
			body.refreshToken,
			auth.service.secretServerKey,
			new URL(database.url).password,
		]) {
			assert(!log.includes(secret));
		}
		assert.match(log, /\/api\/auth\/login/);
	});
});
