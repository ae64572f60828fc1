import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import {
	ask,
	environment,
	startBackend,
	startDatabase,
	type TestBackend,
	type TestDatabase,
} from "./support";

describe("the log", () => {
	let database: TestDatabase;
	let backend: TestBackend;

	before(async () => {
		database = await startDatabase();
		backend = await startBackend(environment(database.url));
	});
	after(async () => {
		await backend?.stop();
		await database?.stop();
	});

	const get = (path: string, id: string) =>
		ask(`${backend.url}${path}`, { headers: { "x-request-id": id } });
	const linesOf = (id: string) =>
		backend.logs().filter(({ request_id }) => request_id === id);

	it("has a line for each request, under the id that came with it, without the query", async () => {
		const id = randomUUID();
		const answer = await get("/api/nothing?mail=ada@example.com", id);
		assert.equal(answer.headers.get("x-request-id"), id);
		const [line, ...more] = linesOf(id);
		assert.deepEqual(more, []);
		assert.equal(line?.level, "info");
		assert.equal(line?.msg, "request answered");
		assert.equal(line?.method, "GET");
		assert.equal(line?.path, "/api/nothing");
		assert.equal(line?.route, "unmatched");
		assert.equal(line?.status, 404);
		assert.equal(typeof line?.duration_ms, "number");
		assert.doesNotMatch(JSON.stringify(backend.logs()), /ada@example/);
	});

	it("gives a request an id of its own where none came, or none that may be one", async () => {
		const none = await ask(`${backend.url}/api/nothing`);
		assert.match(none.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
		const forged = await get("/api/nothing", 'x" level="fatal');
		assert.match(forged.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
	});

	it("has an error under the request's id as well, at its level", async () => {
		const id = randomUUID();
		await database.pool.query("ALTER TABLE ttn_connections RENAME TO away");
		try {
			const answer = await ask(`${backend.url}/api/webhooks/ttn`, {
				headers: { "x-request-id": id, "x-api-key": "secret-of-nobody" },
				body: {
					end_device_ids: { dev_eui: "0011223344556677" },
					uplink_message: { decoded_payload: { temperature: 4 } },
				},
			});
			assert.equal(answer.status, 500);
		} finally {
			await database.pool.query("ALTER TABLE away RENAME TO ttn_connections");
		}
		const [cause, line] = linesOf(id);
		assert.equal(cause?.level, "error");
		assert.match(JSON.stringify(cause?.err), /ttn_connections/);
		assert.equal(line?.level, "error");
		assert.equal(line?.status, 500);
		assert.doesNotMatch(JSON.stringify(backend.logs()), /secret-of-nobody/);
	});
});
