import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import pg from "pg";
import { type LocalPostgres, startLocalPostgres } from "../postgres";
import { createBackend } from "./src/app";
import { openPool } from "./src/database";
import { migrate } from "./src/migrate";
import { readSettings } from "./src/settings";

/** Where new-schema.sql is; in the image it lies beside the bundle. */
export const SCHEMA_FOLDER = join(__dirname, "../freshtrack");

/** A database with the schema, in a server of its own. */
export interface TestDatabase {
	server: LocalPostgres;
	url: string;
	pool: pg.Pool;
	stop(): Promise<void>;
}

export async function startDatabase(): Promise<TestDatabase> {
	const server = await startLocalPostgres({ version: 17 });
	const url = await server.createDatabase("backend");
	await migrate(url, SCHEMA_FOLDER);
	const pool = new pg.Pool({ connectionString: url, max: 4 });
	pool.on("error", () => {});
	return {
		server,
		url,
		pool,
		async stop() {
			await pool.end();
			await server.stop();
		},
	};
}

/** An organization with one fridge (limits 30 to 41 °F), one device with a sensor and one user. */
export interface Tenant {
	organizationId: string;
	siteId: string;
	unitId: string;
	deviceId: string;
	devEui: string;
	secret: string;
	userId: string;
	email: string;
}

export async function createTenant(
	pool: pg.Pool,
	name: string,
): Promise<Tenant> {
	const tenant: Tenant = {
		organizationId: randomUUID(),
		siteId: randomUUID(),
		unitId: randomUUID(),
		deviceId: randomUUID(),
		devEui: randomBytes(8).toString("hex").toUpperCase(),
		secret: randomBytes(16).toString("hex"),
		userId: randomUUID(),
		email: `${name}@example.com`,
	};
	const areaId = randomUUID();
	const insert = (table: string, row: Record<string, unknown>) => {
		const columns = Object.keys(row);
		const places = columns.map((_column, index) => `$${index + 1}`);
		return pool.query(
			`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places.join(", ")})`,
			Object.values(row),
		);
	};
	await insert("organizations", {
		id: tenant.organizationId,
		name,
		slug: name,
	});
	await insert("sites", {
		id: tenant.siteId,
		organization_id: tenant.organizationId,
		name: "Downtown",
	});
	await insert("areas", {
		id: areaId,
		site_id: tenant.siteId,
		name: "Kitchen",
	});
	await insert("units", {
		id: tenant.unitId,
		area_id: areaId,
		name: "Fridge",
		unit_type: "fridge",
		temp_max: 410,
		temp_min: 300,
	});
	await insert("devices", {
		id: tenant.deviceId,
		unit_id: tenant.unitId,
		device_eui: tenant.devEui,
	});
	await insert("lora_sensors", {
		device_id: tenant.deviceId,
		app_eui: "0".repeat(16),
		dev_eui: tenant.devEui,
	});
	await insert("ttn_connections", {
		organization_id: tenant.organizationId,
		webhook_secret: tenant.secret,
	});
	await insert("profiles", {
		user_id: tenant.userId,
		organization_id: tenant.organizationId,
		email: tenant.email,
		full_name: "Ada Lovelace",
	});
	await insert("user_roles", {
		user_id: tenant.userId,
		organization_id: tenant.organizationId,
		role: "owner",
	});
	return tenant;
}

/** A backend that listens on a free port of the loopback address. */
export interface TestBackend {
	url: string;
	pool: pg.Pool;
	/** Every log line so far, parsed. */
	logs(): Record<string, unknown>[];
	beginStop(): void;
	stop(): Promise<void>;
}

/** Settings that are complete; nothing answers at their Stack Auth. */
export function environment(
	databaseUrl: string,
	more: Record<string, string> = {},
): Record<string, string> {
	return {
		DATABASE_URL: databaseUrl,
		STACK_AUTH_API_URL: "http://127.0.0.1:9",
		STACK_AUTH_PROJECT_ID: randomUUID(),
		STACK_AUTH_PUBLISHABLE_CLIENT_KEY: "pck_test",
		STACK_AUTH_SECRET_SERVER_KEY: "ssk_secret_of_the_test",
		SITE_ORIGIN: "https://site.example",
		VERSION: "1.0.0",
		ENVIRONMENT: "test",
		...more,
	};
}

export async function startBackend(
	variables: Record<string, string>,
): Promise<TestBackend> {
	const settings = readSettings(variables);
	const lines: string[] = [];
	const pool = openPool(
		settings.DATABASE_URL,
		settings.DATABASE_POOL_SIZE,
		() => {},
	);
	const { app, beginStop } = await createBackend(settings, pool, {
		write: (line) => lines.push(line),
	});
	const url = await app.listen({ host: "127.0.0.1", port: 0 });
	return {
		url,
		pool,
		logs: () => lines.map((line) => JSON.parse(line)),
		beginStop,
		async stop() {
			await app.close();
			await pool.end();
		},
	};
}

/** Sends JSON and reads JSON. */
export async function ask(
	url: string,
	options: {
		method?: string;
		headers?: Record<string, string>;
		body?: unknown;
	} = {},
	// biome-ignore lint/suspicious/noExplicitAny: the answers' shapes are what the tests assert
): Promise<{ status: number; headers: Headers; body: any }> {
	const { body } = options;
	const response = await fetch(url, {
		method: options.method ?? (body === undefined ? "GET" : "POST"),
		headers: {
			...(body === undefined ? {} : { "content-type": "application/json" }),
			...options.headers,
		},
		...(body === undefined ? {} : { body: JSON.stringify(body) }),
	});
	const text = await response.text();
	const json = response.headers.get("content-type")?.includes("json");
	return {
		status: response.status,
		headers: response.headers,
		body: json ? JSON.parse(text) : text,
	};
}
