import assert from "node:assert/strict";
import { type Noted, note, placesOf, point } from "../../cutover/ttn";
import { Ttn as Api, type TtnAccess, type Uplink } from "../../cutover/ttn-api";
import { reportDevices } from "../../cutover/ttn-uplinks";
import { serve } from "../emulator/peers/http";
import { startTtn, type Ttn } from "../emulator/peers/ttn";
import { knownSource } from "../freshtrack/generate";

const newSystem = {
	baseUrl: "https://api.example.test",
	uplinkPath: "/api/webhooks/ttn",
};

/** Against the stand-in of The Things Stack's application server. */
describe("The Things Network", () => {
	let ttn: Ttn;
	let access: TtnAccess;
	let api: Api;
	let sink: Awaited<ReturnType<typeof serve>>;

	beforeEach(async () => {
		sink = await serve("127.0.0.1", async (request, response) => {
			request.resume();
			response.end("{}");
		});
		ttn = await startTtn({
			address: "127.0.0.1",
			applicationPrefix: "app",
			legacy: { baseUrl: sink.url, path: "/functions/v1/ttn" },
			known: await knownSource(),
			outgoing: { resolver: "127.0.0.1:53", roots: () => [] },
		});
		access = {
			apiUrl: ttn.url,
			apiKey: ttn.apiKey,
			applicationIds: ttn.applicationIds,
		};
		api = new Api(access);
	});
	afterEach(async () => {
		await ttn.close();
		await sink.close();
	});

	const pointNew = (noted: Noted) =>
		point(api, placesOf({ noted, ...newSystem }));

	it("points the webhooks of all applications at the new system, with the secrets they had", async () => {
		const before = await api.webhooks();
		await pointNew(await note(api));
		const after = await api.webhooks();
		assert(new Set(after.map(({ applicationId: id }) => id)).size > 1);
		assert.deepEqual(
			after,
			before.map((webhook) => ({ ...webhook, ...newSystem })),
		);
	});

	it("notes no secret", async () => {
		const [webhook] = await api.webhooks();
		const secret = webhook?.headers["X-Webhook-Secret"];
		assert(secret);
		assert(!JSON.stringify(await note(api)).includes(secret));
	});

	it("points them back to where each was, also when a repointing was repeated", async () => {
		const before = await api.webhooks();
		const noted = await note(api);
		await pointNew(noted);
		await pointNew(noted);
		await point(api, noted.webhooks);
		assert.deepEqual(await api.webhooks(), before);
	});

	it("leaves alone a webhook that came since the note, and makes none anew that is gone", async () => {
		const [application = ""] = ttn.applicationIds;
		const base = `${ttn.url}/api/v3/as/webhooks/${application}`;
		const headers = { authorization: `Bearer ${ttn.apiKey}` };
		const noted = await note(api);
		const [gone] = noted.webhooks;
		await fetch(`${base}/${gone?.id}`, { method: "DELETE", headers });
		await fetch(base, {
			method: "POST",
			headers: { ...headers, "content-type": "application/json" },
			body: JSON.stringify({
				webhook: {
					ids: { webhook_id: "new" },
					base_url: "https://other.example.test",
				},
				field_mask: { paths: ["base_url"] },
			}),
		});
		await pointNew(noted);
		const after = (await api.webhooks()).filter(
			({ applicationId }) => applicationId === application,
		);
		assert.deepEqual(
			after.map(({ id, baseUrl, uplinkPath }) => [id, baseUrl, uplinkPath]),
			[["new", "https://other.example.test", undefined]],
		);
	});

	it("changes nothing when the key is refused", async () => {
		const before = await api.webhooks();
		const noted = await note(api);
		const wrong = new Api({ ...access, apiKey: "NNSXS.WRONG" });
		await assert.rejects(
			point(wrong, placesOf({ noted, ...newSystem })),
			/TTN answered 40[13]/,
		);
		assert.deepEqual(await api.webhooks(), before);
	});

	it("gives an application's stored uplinks by pages, each once, in order of time", async () => {
		const { sensors } = await knownSource();
		const [sensor] = sensors;
		assert(sensor);
		const count = 23;
		for (let index = 0; index < count; index += 1)
			await ttn.uplink({ devEui: sensor.devEui, temperature: 3 });
		const [first, last] = [ttn.deliveries[0], ttn.deliveries.at(-1)];
		assert(first && last);
		const from = (text: string, by: number) => new Date(Date.parse(text) + by);
		const whole = {
			after: from(first.receivedAt, -1),
			before: from(last.receivedAt, 2),
		};
		for (const page of [1000, 5]) {
			const paged = new Api(access, page);
			const found = await paged.stored(first.applicationId, whole);
			assert.deepEqual(
				found.map(({ uplink_message: { f_cnt } }) => f_cnt ?? 0),
				Array.from({ length: count }, (_none, index) => index),
			);
		}
		const later = { ...whole, after: from(last.receivedAt, 2) };
		assert.deepEqual(await api.stored(first.applicationId, later), []);
	});

	it("tells which applications store nothing", async () => {
		const [, second = ""] = ttn.applicationIds;
		assert.deepEqual(await api.withoutStorage(), []);
		ttn.setStorage(second, false);
		assert.deepEqual(await api.withoutStorage(), [second]);
	});

	it("reports gaps and refusals by frame counter, and a counter that begins anew", () => {
		const uplink = (device: string, f_cnt: number): Uplink => ({
			end_device_ids: { device_id: device },
			received_at: "2026-11-30T00:00:00Z",
			uplink_message: f_cnt === 0 ? {} : { f_cnt },
		});
		const one = [7, 8, 10, 14, 0, 1].map((count) => uplink("one", count));
		const two = [0, 1].map((count) => uplink("two", count));
		const [, refused] = two;
		assert(refused);
		assert.deepEqual(
			reportDevices("app", [...one, ...two], new Map([[refused, 404]])),
			[
				{
					applicationId: "app",
					deviceId: "one",
					uplinks: 6,
					first: 7,
					last: 1,
					gaps: ["9", "11-13"],
					refused: [],
				},
				{
					applicationId: "app",
					deviceId: "two",
					uplinks: 2,
					first: 0,
					last: 1,
					gaps: [],
					refused: ["1 (404)"],
				},
			],
		);
	});
});
