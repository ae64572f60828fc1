import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { serveJson } from "../emulator/peers/http";
import { startAuth, type TestAuth } from "./auth-support";
import {
	ask,
	createTenant,
	environment,
	startBackend,
	startDatabase,
	type Tenant,
	type TestBackend,
	type TestDatabase,
} from "./support";

const PASSWORD = "correct horse battery";

describe("what a logged-in user sees", () => {
	let database: TestDatabase;
	let auth: TestAuth;
	let backend: TestBackend;
	let tenant: Tenant;
	let other: Tenant;
	let token: string;

	before(async () => {
		database = await startDatabase();
		auth = await startAuth();
		backend = await startBackend(environment(database.url, auth.environment));
		other = await createTenant(database.pool, "other");
		tenant = await createTenant(database.pool, "ada");
		const userId = await auth.createUser(tenant.email, PASSWORD);
		for (const table of ["profiles", "user_roles"]) {
			await database.pool.query(
				`UPDATE ${table} SET user_id = $1 WHERE user_id = $2`,
				[userId, tenant.userId],
			);
		}
		tenant.userId = userId;
		token = await logIn(tenant.email);
		await addReadings(tenant.unitId);
		await addReadings(other.unitId);
	});
	after(async () => {
		await backend?.stop();
		await auth?.service.close();
		await database?.stop();
	});

	async function logIn(email: string): Promise<string> {
		const { body } = await ask(`${backend.url}/api/auth/login`, {
			body: { email, password: PASSWORD },
		});
		return body.accessToken;
	}

	/** Ten instants a millisecond apart, two readings each. */
	const addReadings = (unitId: string) =>
		database.pool.query(
			`INSERT INTO sensor_readings (unit_id, recorded_at, temperature, humidity)
			SELECT $1, '2026-05-01T10:00:00Z'::timestamptz + n * interval '1 millisecond', 30 + n, NULL
			FROM generate_series(0, 9) AS n, generate_series(1, 2)`,
			[unitId],
		);

	const get = (path: string, headers?: Record<string, string>) =>
		ask(`${backend.url}${path}`, {
			headers: headers ?? { authorization: `Bearer ${token}` },
		});

	it("is profile and roles", async () => {
		const { status, body } = await get("/api/me");
		assert.equal(status, 200);
		assert.equal(body.userId, tenant.userId);
		assert.equal(body.fullName, "Ada Lovelace");
		assert.equal(body.organizationId, tenant.organizationId);
		assert.equal(body.organizationName, "ada");
		assert.deepEqual(body.roles, ["owner"]);
	});

	it("comes with the token in x-stack-access-token as well", async () => {
		const { status } = await get("/api/me", { "x-stack-access-token": token });
		assert.equal(status, 200);
	});

	it("is the organization's units and their newest reading", async () => {
		const { status, body } = await get("/api/units");
		assert.equal(status, 200);
		assert.deepEqual(body.units, [
			{
				id: tenant.unitId,
				name: "Fridge",
				unitType: "fridge",
				status: "ok",
				site: "Downtown",
				area: "Kitchen",
				tempUnit: "F",
				limitHigh: 41,
				limitLow: 30,
				lastTemperature: 39,
				lastReadingAt: "2026-05-01T10:00:00.009Z",
			},
		]);
	});

	it("shows no lower limit where it is below absolute zero", async () => {
		await database.pool.query(
			"UPDATE units SET temp_min = -4600 WHERE id = $1",
			[tenant.unitId],
		);
		const { body } = await get("/api/units");
		assert.equal(body.units[0].limitLow, null);
	});

	it("pages through readings, none twice and none left out", async () => {
		const seen = new Set<string>();
		const sizes: number[] = [];
		let before: string | null = null;
		do {
			const search = new URLSearchParams({ limit: "5" });
			if (before !== null) {
				search.set("before", before);
			}
			const { status, body } = await get(
				`/api/units/${tenant.unitId}/readings?${search}`,
			);
			assert.equal(status, 200);
			sizes.push(body.readings.length);
			for (const { id } of body.readings) {
				assert(!seen.has(id));
				seen.add(id);
			}
			before = body.nextBefore;
		} while (before !== null);
		assert.equal(seen.size, 20);
		// The second of an instant's two comes along.
		assert.deepEqual(sizes, [6, 6, 6, 2]);
	});

	it("starts with the newest reading", async () => {
		const { body } = await get(`/api/units/${tenant.unitId}/readings?limit=1`);
		assert.equal(body.readings[0].temperature, 39);
		assert.equal(body.readings[0].humidity, null);
		assert.equal(body.readings[0].recordedAt, "2026-05-01T10:00:00.009Z");
	});

	it("is never another organization's", async () => {
		const { status, body } = await get(`/api/units/${other.unitId}/readings`);
		assert.equal(status, 404);
		assert.equal(body.code, "UNKNOWN_UNIT");
		const alerts = await get("/api/alerts");
		assert.deepEqual(alerts.body.alerts, []);
	});

	it("is the organization's alerts, filtered by status", async () => {
		for (const { unitId } of [tenant, other]) {
			await database.pool.query(
				`INSERT INTO alerts (unit_id, alert_type, severity, status, trigger_temperature, threshold_violated, triggered_at)
				VALUES ($1, 'alarm_active', 'critical', 'resolved', 452, 'max', '2026-05-01T09:00:00Z'),
					($1, 'door_open', 'warning', 'active', NULL, NULL, '2026-05-01T10:00:00Z')`,
				[unitId],
			);
		}
		const all = await get("/api/alerts");
		assert.deepEqual(
			all.body.alerts.map(({ alertType }: { alertType: string }) => alertType),
			["door_open", "alarm_active"],
		);
		const { body } = await get("/api/alerts?status=resolved&limit=1");
		assert.equal(body.alerts.length, 1);
		assert.equal(body.alerts[0].temperature, 45.2);
		assert.equal(body.alerts[0].tempUnit, "F");
		assert.equal(body.alerts[0].thresholdViolated, "max");
		assert.equal(body.alerts[0].unit, "Fridge");
	});

	for (const path of [
		"/api/units/not-a-uuid/readings",
		`/api/units/${randomUUID()}/readings?limit=0`,
		`/api/units/${randomUUID()}/readings?limit=1001`,
		`/api/units/${randomUUID()}/readings?before=yesterday`,
		`/api/units/${randomUUID()}/readings?after=x`,
		"/api/alerts?status=loud",
	]) {
		it(`refuses ${path.replace(/[0-9a-f-]{36}/, ":id")}`, async () => {
			const { status, body } = await get(path);
			assert.equal(status, 400);
			assert.equal(body.code, "INVALID_REQUEST");
		});
	}

	it("is nothing for a user without profile", async () => {
		await auth.createUser("stranger@example.com", PASSWORD);
		const stranger = await logIn("stranger@example.com");
		const { status, body } = await get("/api/units", {
			authorization: `Bearer ${stranger}`,
		});
		assert.equal(status, 403);
		assert.equal(body.code, "NO_PROFILE");
	});

	describe("access token", () => {
		const routes = [
			"/api/me",
			"/api/units",
			`/api/units/${randomUUID()}/readings`,
			"/api/alerts",
		];
		for (const route of routes) {
			it(`is needed for ${route.replace(/[0-9a-f-]{36}/, ":id")}`, async () => {
				const { status, body } = await get(route, {});
				assert.equal(status, 401);
				assert.equal(body.code, "UNAUTHORIZED");
			});
		}

		it("is refused when it is no token or was changed", async () => {
			const [head, , signature] = token.split(".");
			const claims = Buffer.from(
				JSON.stringify({ sub: other.userId, exp: 4e9 }),
			).toString("base64url");
			for (const forged of [
				"x",
				`${head}.${claims}.${signature}`,
				`${token}x`,
			]) {
				const { status } = await get("/api/me", {
					authorization: `Bearer ${forged}`,
				});
				assert.equal(status, 401);
			}
		});

		it("is refused from another key, issuer, audience or time", async () => {
			const { privateKey, publicKey } = await generateKeyPair("ES256", {
				extractable: true,
			});
			const project = auth.service.projectId;
			const issuer = `${auth.service.url}/api/v1/projects/${project}`;
			const sign = (claims: {
				issuer?: string;
				audience?: string;
				expires?: string;
			}) =>
				new SignJWT()
					.setProtectedHeader({ alg: "ES256", kid: "mine" })
					.setSubject(tenant.userId)
					.setIssuer(claims.issuer ?? issuer)
					.setAudience(claims.audience ?? project)
					.setIssuedAt()
					.setExpirationTime(claims.expires ?? "10min")
					.sign(privateKey);
			// A project whose JWKS has our key: what else is wrong then decides.
			const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "mine" }] };
			const service = await serveJwks(project, jwks);
			const trusting = await startBackend(
				environment(database.url, {
					...auth.environment,
					STACK_AUTH_API_URL: service.url,
				}),
			);
			const here = `${service.url}/api/v1/projects/${project}`;
			const status = async (url: string, forged: string) =>
				(
					await ask(`${url}/api/me`, {
						headers: { authorization: `Bearer ${forged}` },
					})
				).status;
			try {
				assert.equal(await status(backend.url, await sign({})), 401);
				assert.equal(
					await status(trusting.url, await sign({ issuer: here })),
					200,
				);
				for (const wrong of [
					{ issuer },
					{ issuer: here, audience: `${project}:anon` },
					{ issuer: here, expires: "-1min" },
				]) {
					assert.equal(await status(trusting.url, await sign(wrong)), 401);
				}
			} finally {
				await trusting.stop();
				await service.close();
			}
		});

		it("cannot be judged while Stack Auth is away: 502, not 401", async () => {
			const lonely = await startBackend(
				environment(database.url, {
					STACK_AUTH_PROJECT_ID: auth.service.projectId,
				}),
			);
			try {
				const { status, body } = await ask(`${lonely.url}/api/me`, {
					headers: { authorization: `Bearer ${token}` },
				});
				assert.equal(status, 502);
				assert.equal(body.code, "AUTH_UNAVAILABLE");
			} finally {
				await lonely.stop();
			}
		});
	});
});

function serveJwks(project: string, jwks: object) {
	return serveJson("127.0.0.1", ({ url }) =>
		url.pathname === `/api/v1/projects/${project}/.well-known/jwks.json`
			? { status: 200, body: jwks }
			: { status: 404 },
	);
}
