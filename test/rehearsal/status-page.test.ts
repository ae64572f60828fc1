import assert from "node:assert/strict";
import { type Phase, tellStatusPage } from "../../cutover/announce";
import { http } from "../../cutover/http";
import type { Kuma } from "../../observability/uptime-kuma/client";
import { startKumaWithPage } from "../stand-ins/kuma-with-page";
import { StatusPageWatch, statusPageQuiet } from "./status-page";

describe("the visitor of the status page", () => {
	const host = "status.example.invalid";
	let server: Awaited<ReturnType<typeof startKumaWithPage>>;
	let kuma: Kuma;
	beforeEach(async () => {
		server = await startKumaWithPage({
			hostnames: { site: "a.invalid", api: "b.invalid", status: host },
		});
		({ kuma } = server);
	});
	afterEach(() => server.close());
	const site = {
		ask: (_name: string, path: string) =>
			http(`${server.url}${path}`, { headers: { host } }),
	};
	const tell = (phase: Phase) =>
		tellStatusPage(kuma, phase, "example.com", 600_000);

	it("sees a cutover begin and succeed, with a moment for a picture of each", async () => {
		const pictures: string[] = [];
		let begun = () => {};
		const taken = new Promise<void>((resolve) => {
			begun = resolve;
		});
		const watch = new StatusPageWatch(site, async (title) => {
			pictures.push(title);
			begun();
		});
		await tell("begin");
		await taken;
		await tell("complete");
		assert.match(
			await watch.succeeded(),
			/^"Cutover in progress" for [\d.]+ s, then "Cutover successful"/,
		);
		assert.deepEqual(pictures, ["Cutover in progress", "Cutover successful"]);
		await tell("returned");
		assert.match(
			await statusPageQuiet(site, "Cutover taken back"),
			/"Cutover taken back" among the past/,
		);
	});

	it("says so where the beginning was not to be seen, or the success does not come", async () => {
		await tell("complete");
		await assert.rejects(
			new StatusPageWatch(site).succeeded(2_000),
			/never saw "Cutover in progress"/,
		);
		await tell("returned");
		await tell("begin");
		await assert.rejects(
			new StatusPageWatch(site).succeeded(1_000),
			/to tell of success: not within 1 s/,
		);
	});
});
