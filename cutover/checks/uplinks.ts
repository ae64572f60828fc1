import { z } from "zod";
import { type Check, expect } from "../check";
import { readEvidence } from "../evidence";
import { Ttn } from "../ttn-api";
import { heldBy } from "../ttn-held";
import { amongHeld, type UplinkReport } from "../ttn-uplinks";
import type { Site } from "./site";

const HOUR_MS = 3_600_000;

const configured = z.object({
	apiUrl: z.string(),
	applicationIds: z.array(z.string()),
	received: z.object({ source: z.string(), target: z.string() }),
});

/**
 * TTN keeps the uplinks of every application, and both databases can be asked which of
 * them they hold: without either, a switch or a return loses readings or doubles them.
 */
export function uplinksKept(site: Site): Check {
	return {
		name: "uplinks kept by TTN",
		lookAt:
			"Storage Integration of every application in TTN's console, and cutover:ttn.received",
		async run() {
			const { received, ...ttn } = configured.parse(
				JSON.parse(site.config.ttn ?? "{}"),
			);
			const api = new Ttn({ ...ttn, apiKey: site.config.ttnApiKey ?? "" });
			const without = await api.withoutStorage();
			expect(
				without.length === 0,
				`Storage Integration is off in ${without.join(", ")}`,
			);
			const before = await api.now();
			const after = new Date(before.getTime() - HOUR_MS);
			const { ssh, images, database } = site.outputs;
			const tool = { ssh, image: images.cutover ?? "" };
			const url = site.config.sourceDatabaseUrl ?? "";
			const [stored, source, target] = await Promise.all([
				Promise.all(
					ttn.applicationIds.map((id) => api.stored(id, { after, before })),
				),
				heldBy({ ...tool, database: { url }, query: received.source })(after),
				heldBy({ ...tool, database, query: received.target })(after),
			]);
			const uplinks = stored.flat();
			const count = (held: typeof source) => amongHeld(uplinks, held).size;
			expect(
				uplinks.length === 0 || count(source) > 0,
				`of ${uplinks.length} uplinks of the last hour the source holds none: cutover:ttn.received.source does not find them`,
			);
			return `${uplinks.length} uplinks of the last hour, ${count(source)} in the source, ${count(target)} in the target`;
		},
	};
}

/** The catch-up of the switch left none behind that the new system should have. */
export function uplinksCarriedOver(site: Site): Check {
	return {
		name: "no uplink lost in the switch",
		lookAt: "evidence/<stack>/uplinks-switch.json",
		async run() {
			const text = await readEvidence(site.stack, "uplinks-switch.json");
			expect(text, "the uplinks have not been caught up with");
			const report = JSON.parse(text) as UplinkReport;
			expect(
				report.withoutStorage.length === 0,
				`not kept by TTN: ${report.withoutStorage.join(", ")}`,
			);
			// A device of which nothing was taken is none that the new system knows.
			const lost = report.devices.filter(
				({ refused, uplinks }) =>
					refused.length > 0 && refused.length < uplinks,
			);
			expect(
				lost.length === 0,
				`not taken: ${lost.map(({ deviceId, refused }) => `${deviceId} ${refused.join(", ")}`).join("; ")}`,
			);
			const unknown = report.devices.filter(
				({ refused, uplinks }) => refused.length === uplinks,
			);
			expect(
				unknown.length < report.devices.length || report.uplinks === 0,
				"the new system took nothing of any device",
			);
			const gaps = report.devices.filter(({ gaps }) => gaps.length > 0);
			return [
				`${report.uplinks} uplinks of ${report.devices.length} devices, ${report.posted} brought`,
				...(gaps.length > 0
					? [
							`TTN never got ${gaps.map(({ deviceId, gaps }) => `${deviceId} ${gaps.join(", ")}`).join("; ")}`,
						]
					: []),
				...(unknown.length > 0
					? [
							`unknown to the new system: ${unknown.map(({ deviceId }) => deviceId).join(", ")}`,
						]
					: []),
			].join("; ");
		},
	};
}

/** Providers that a person repoints, for the questions of a checkpoint. */
export function manualRepoints(site: Pick<Site, "config">): string[] {
	return z
		.array(z.string())
		.parse(JSON.parse(site.config.manualRepoints ?? "[]"));
}
