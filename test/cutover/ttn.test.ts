import assert from "node:assert/strict";
import { point, restore, type TtnSettings } from "../../cutover/ttn";
import { startTtn, type Ttn } from "../emulator/peers/ttn";
import { knownSource } from "../freshtrack/generate";

/** Against the stand-in of The Things Network's webhook API. */
describe("webhooks of The Things Network", () => {
	let ttn: Ttn;
	let settings: TtnSettings;

	beforeEach(async () => {
		ttn = await startTtn({
			address: "127.0.0.1",
			applicationId: "app",
			legacy: {
				baseUrl: "https://old.example.test",
				path: "/functions/v1/ttn",
			},
			known: await knownSource(),
			outgoing: { resolver: "127.0.0.1:53", roots: () => [] },
		});
		settings = {
			apiUrl: ttn.url,
			apiKey: ttn.apiKey,
			applicationId: "app",
			baseUrl: "https://api.example.test",
			uplinkPath: "/api/webhooks/ttn",
		};
	});
	afterEach(() => ttn.close());

	const webhooks = async () => {
		const answer = await fetch(
			`${ttn.url}/api/v3/as/webhooks/app?field_mask=base_url,uplink_message,headers`,
			{ headers: { authorization: `Bearer ${ttn.apiKey}` } },
		);
		const body = (await answer.json()) as {
			webhooks: {
				base_url: string;
				uplink_message: { path: string };
				headers: Record<string, string>;
			}[];
		};
		// What a change touches besides, such as its time, is not looked at.
		return body.webhooks.map(({ base_url, uplink_message, headers }) => ({
			base_url,
			uplink_message,
			headers,
		}));
	};

	it("all point at the new system, with the secrets they had", async () => {
		const before = await webhooks();
		await point(settings, []);
		const after = await webhooks();
		assert.ok(after.length > 0);
		for (const webhook of after) {
			assert.equal(webhook.base_url, "https://api.example.test");
			assert.equal(webhook.uplink_message.path, "/api/webhooks/ttn");
		}
		assert.deepEqual(
			after.map(({ headers }) => headers),
			before.map(({ headers }) => headers),
		);
	});

	it("go back to where each was, also when they were pointed twice", async () => {
		const before = await webhooks();
		const noted = await point(settings, []);
		const again = await point(settings, noted);
		assert.deepEqual(again, noted);
		await restore(settings, again);
		assert.deepEqual(await webhooks(), before);
	});

	it("stay as they are when the key is refused", async () => {
		const before = await webhooks();
		await assert.rejects(
			point({ ...settings, apiKey: "NNSXS.WRONG" }, []),
			/TTN answered 40[13]/,
		);
		assert.deepEqual(await webhooks(), before);
	});
});
