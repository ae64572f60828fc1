import assert from "node:assert/strict";
import { Contract } from "../contract";

describe("uptime checks", () => {
	let api: Contract;
	beforeEach(async () => {
		api = await Contract.start();
	});
	afterEach(() => api.close());

	/** `method` is asked for by the description, though it names no such field. */
	const fields = {
		name: "site",
		method: "GET",
		target: "https://example.com/",
		type: "https",
		regions: ["us_east", "eu_west"],
		enabled: true,
	};
	const make = async (changes: Record<string, unknown> = {}) => {
		const { check } = await api.expect(201, "POST", "/v2/uptime/checks", {
			...fields,
			...changes,
		});
		return { check, path: `/v2/uptime/checks/${check.id}` };
	};
	const latency = {
		name: "slow",
		type: "latency",
		threshold: 300,
		comparison: "greater_than",
		notifications: { email: ["ops@example.com"], slack: [] },
		period: "5m",
	};

	it("are created, listed, read, changed and deleted", async () => {
		const { check, path } = await make();
		assert.deepEqual(check.regions, ["us_east", "eu_west"]);
		const { checks, meta } = await api.expect(200, "GET", "/v2/uptime/checks");
		assert.deepEqual([checks, meta.total], [[check], 1]);
		await api.expect(200, "PUT", path, { enabled: false });
		const { check: read } = await api.expect(200, "GET", path);
		assert.deepEqual(read, { ...check, enabled: false });
		await api.expect(204, "DELETE", path);
		await api.expect(404, "GET", path);
		await api.expect(404, "DELETE", path);
	});

	it("have a state a region, which nobody has looked at", async () => {
		const { path } = await make();
		const { state } = await api.expect(200, "GET", `${path}/state`);
		assert.deepEqual(Object.keys(state.regions), ["us_east", "eu_west"]);
		assert.equal(state.regions.us_east.status, "CHECKING");
	});

	for (const [what, changes] of [
		["of a type that there is not", { type: "tcp" }],
		["from a region that there is not", { regions: ["moon"] }],
		["without a target", { target: "" }],
	] as const)
		it(`refuse a check ${what}`, async () => {
			await api.expect(422, "POST", "/v2/uptime/checks", {
				...fields,
				...changes,
			});
		});

	describe("alerts", () => {
		it("are created, listed, read, changed and deleted", async () => {
			const { path } = await make();
			const { alert } = await api.expect(
				201,
				"POST",
				`${path}/alerts`,
				latency,
			);
			const { alerts } = await api.expect(200, "GET", `${path}/alerts`);
			assert.deepEqual(alerts, [alert]);
			const at = `${path}/alerts/${alert.id}`;
			await api.expect(200, "PUT", at, { ...latency, threshold: 500 });
			const { alert: read } = await api.expect(200, "GET", at);
			assert.equal(read.threshold, 500);
			await api.expect(204, "DELETE", at);
			await api.expect(404, "GET", at);
		});

		it("need no threshold where they are of being down", async () => {
			const { path } = await make();
			const { threshold, comparison, ...down } = latency;
			await api.expect(201, "POST", `${path}/alerts`, {
				...down,
				type: "down_global",
			});
			await api.expect(422, "POST", `${path}/alerts`, down);
		});

		it("go with their check", async () => {
			const { path } = await make();
			await api.expect(201, "POST", `${path}/alerts`, latency);
			await api.expect(204, "DELETE", path);
			await api.expect(404, "GET", `${path}/alerts`);
		});
	});
});
