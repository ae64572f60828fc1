import { join } from "node:path";
import { expect } from "../../cutover/check";
import { dashboards } from "../../cutover/checks/monitoring";
import type { Site } from "../../cutover/checks/site";
import { addressRecords, allPointTo } from "../../cutover/dns";
import { waitFor } from "../../cutover/wait";
import { findBrowser, visit } from "./browser";
import type { Rehearsal } from "./rehearsal";

/**
 * Takes a picture of the status page while it shows a text, in
 * evidence/rehearsal/. Not while the source is frozen: a browser takes a processor
 * for some seconds, which the freeze would pay for.
 *
 * @returns the file's name; undefined where this machine has no browser.
 */
export async function pictureOfStatusPage(
	rehearsal: Rehearsal,
	site: Site,
	text: string,
): Promise<string | undefined> {
	const program = findBrowser();
	if (!program) return undefined;
	const { domain, hostnames, reservedIp } = site.outputs;
	await waitFor(
		"the names switched",
		async () => {
			const names = Object.values(hostnames);
			expect(
				allPointTo(await addressRecords(domain, names), reservedIp),
				"they lead to the old system",
			);
			return true;
		},
		{ timeoutMs: 120_000 },
	);
	const name = `status-${text.toLowerCase().replaceAll(/[^a-z]+/g, "-")}.png`;
	await visit(program, {
		url: `https://${hostnames.status}/`,
		address: reservedIp,
		file: pictureFile(rehearsal, name),
		text,
	});
	return name;
}

/** Takes pictures of the dashboards as the operator sees them; in words. */
export async function picturesOfDashboards(
	rehearsal: Rehearsal,
	stack = "production",
): Promise<string> {
	const program = findBrowser();
	if (!program) return "no browser on this machine: no pictures";
	const { hostnames, monitoring, reservedIp } = rehearsal.site(stack).outputs;
	for (const uid of dashboards)
		await visit(program, {
			url: `https://${hostnames.monitoring}/d/${uid}`,
			address: reservedIp,
			file: pictureFile(rehearsal, `${uid}.png`),
			login: monitoring,
			text: "Grafana",
		});
	return `${dashboards.join(", ")} in evidence/rehearsal/`;
}

function pictureFile(rehearsal: Rehearsal, name: string): string {
	return join(rehearsal.checkout, "evidence", "rehearsal", name);
}
