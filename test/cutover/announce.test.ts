import assert from "node:assert/strict";
import {
	type AnnounceSettings,
	announce,
	type Phase,
	phases,
	tellStatusPage,
	wordsOf,
} from "../../cutover/announce";
import type { Kuma } from "../../observability/uptime-kuma/client";
import { startKumaWithPage } from "../stand-ins/kuma-with-page";

const settings: AnnounceSettings = {
	domain: "example.com",
	kuma: {
		...{ hostname: "status.example.com", address: "127.0.0.1" },
		...{ user: "operator", password: "PLAIN-password" },
	},
	monitoring: "monitoring.example.com",
	maxFreeze: 900,
};

describe("announcements", () => {
	it("tell everybody at once, and name who was not told without failing", async () => {
		const lines = await announce(
			"begin",
			settings,
			{
				One: async () => {},
				Two: async () => {
					throw new Error("connect ECONNREFUSED");
				},
				Three: () => new Promise(() => {}),
			},
			100,
		);
		assert.deepEqual(lines, [
			"One: told of begin",
			"warning: Two was not told of begin, and the ladder goes on: connect ECONNREFUSED",
			"warning: Three was not told of begin, and the ladder goes on: no answer within 0.1 s",
		]);
	});

	it("show no password where nobody answers", async () => {
		const lines = await announce("begin", settings);
		assert.equal(lines.length, 3);
		for (const line of lines) {
			assert.match(line, /^warning: /);
			assert.doesNotMatch(line, /PLAIN-password/);
		}
	});

	it("have words for users at every phase", () => {
		for (const phase of phases) {
			const { title, content } = wordsOf(phase, "example.com");
			assert.match(title, /^Cutover /);
			assert.match(content, /example\.com/);
		}
	});

	describe("on the status page", () => {
		let server: Awaited<ReturnType<typeof startKumaWithPage>>;
		let kuma: Kuma;
		beforeEach(async () => {
			server = await startKumaWithPage({
				hostnames: {
					...{ site: "example.invalid", api: "api.example.invalid" },
					status: "status.example.invalid",
				},
				uplinkPath: "/uplinks",
			});
			({ kuma } = server);
		});
		afterEach(() => server.close());

		const lasting = 2_700_000;
		const tell = (phase: Phase) =>
			tellStatusPage(kuma, phase, "example.com", lasting);
		/** What a visitor sees. */
		const shown = async () => {
			const page = await kuma.get<{
				incidents: { title: string }[];
				maintenanceList: { dateRange: string[] }[];
			}>("/api/status-page/status");
			return {
				incidents: page?.incidents.map(({ title }) => title),
				maintenance: page?.maintenanceList.length,
				end: page?.maintenanceList[0]?.dateRange[1],
			};
		};
		const past = async () =>
			(await kuma.incidents("status"))
				.filter(({ active }) => !active)
				.map(({ title }) => title);
		const nothing = { incidents: [], maintenance: 0, end: undefined };

		it("a cutover is in progress until it is successful, and is no news when it is final", async () => {
			await tell("begin");
			const { end, ...seen } = await shown();
			assert.deepEqual(seen, {
				incidents: ["Cutover in progress"],
				maintenance: 1,
			});
			const left = Date.parse(`${end?.replace(" ", "T")}Z`) - Date.now();
			assert.ok(left > lasting - 60_000 && left <= lasting, `${left} ms`);
			// A step that was cut short runs again.
			await tell("begin");
			assert.equal((await shown()).incidents?.length, 1);
			await tell("complete");
			const successful = { ...nothing, incidents: ["Cutover successful"] };
			assert.deepEqual(await shown(), successful);
			await tell("complete");
			assert.deepEqual(await shown(), successful);
			await tell("final");
			assert.deepEqual(await shown(), nothing);
			assert.deepEqual(await past(), [
				"Cutover successful",
				"Cutover successful",
			]);
		});

		it("a freeze that is taken back was put off, and says so among the past ones", async () => {
			await tell("begin");
			await tell("put-off");
			assert.deepEqual(await shown(), nothing);
			assert.deepEqual(await past(), ["Cutover put off"]);
		});

		it("a switch that is taken back is said to be, once", async () => {
			await tell("begin");
			await tell("complete");
			await tell("returned");
			await tell("put-off");
			assert.deepEqual(await shown(), nothing);
			assert.deepEqual(await past(), [
				"Cutover taken back",
				"Cutover successful",
			]);
		});

		it("monitors of the product are under maintenance meanwhile, the database's is not", async () => {
			await tell("begin");
			const [maintenance] = await kuma.maintenances();
			const product = (await kuma.monitors()).find(
				({ name }) => name === "Product",
			);
			assert.deepEqual(maintenance?.monitorIds, [product?.id]);
		});
	});
});
