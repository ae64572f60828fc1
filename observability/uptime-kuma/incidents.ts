import { refreshPage } from "./apply";
import type { Kuma, KumaIncident, KumaMaintenance } from "./client";

/** What an incident says. */
export interface Words {
	title: string;
	/** Markdown. */
	content: string;
	style: "info" | "warning" | "danger" | "primary";
}

/** Marks what is ours, in Markdown that is shown to visitors: they do not see it. */
const mark = (key: string) => `\n\n<!-- cutover: ${key} -->`;

/**
 * Pins an incident on a page, under a key by which it is found again: pinned already
 * it is given these words.
 */
export async function showIncident(
	kuma: Kuma,
	slug: string,
	key: string,
	words: Words,
): Promise<void> {
	const id = (await active(kuma, slug, key))[0]?.id;
	await kuma.call("postIncident", slug, {
		...(id === undefined ? {} : { id }),
		...{ ...words, content: `${words.content}${mark(key)}` },
	});
	await refreshPage(kuma, slug);
}

/**
 * Takes the incident of this key off the page. It stays among the past ones, with
 * these words where they are given. Nothing happens where none is pinned.
 */
export async function resolveIncident(
	kuma: Kuma,
	slug: string,
	key: string,
	words?: Words,
): Promise<void> {
	const found = await active(kuma, slug, key);
	for (const { id } of found) {
		if (words)
			await kuma.call("editIncident", slug, id, {
				...{ ...words, content: `${words.content}${mark(key)}` },
			});
		await kuma.call("resolveIncident", slug, id);
	}
	if (found.length > 0) await refreshPage(kuma, slug);
}

async function active(
	kuma: Kuma,
	slug: string,
	key: string,
): Promise<KumaIncident[]> {
	return (await kuma.incidents(slug)).filter(
		(incident) => incident.active && incident.content.endsWith(mark(key)),
	);
}

/** A time of maintenance: monitors count as neither up nor down, and nobody is told. */
export interface Maintenance {
	title: string;
	/** Markdown. */
	description: string;
	from: Date;
	until: Date;
}

/** Announces it on a page and binds it to these monitors, also where it was announced already. */
export async function setMaintenance(
	kuma: Kuma,
	slug: string,
	key: string,
	wanted: Maintenance,
	monitorIds: number[],
): Promise<void> {
	const now = await maintenance(kuma, key);
	const given = {
		...(now ? { id: now.id } : {}),
		...{ title: wanted.title, strategy: "single", active: true },
		description: `${wanted.description}${mark(key)}`,
		dateRange: [local(wanted.from), local(wanted.until)],
		...{ timezoneOption: "UTC", intervalDay: 1, cron: "", durationMinutes: 60 },
		...{ timeRange: [], weekdays: [], daysOfMonth: [] },
	};
	const { maintenanceID } = await kuma.call(
		now ? "editMaintenance" : "addMaintenance",
		given,
	);
	const page = await kuma.statusPage(slug);
	const list = monitorIds.map((id) => ({ id }));
	await kuma.call("addMonitorMaintenance", maintenanceID, list);
	await kuma.call(
		"addMaintenanceStatusPage",
		maintenanceID,
		page ? [{ id: page.id }] : [],
	);
}

/** Ends it before its time; nothing happens where there is none. */
export async function endMaintenance(kuma: Kuma, key: string): Promise<void> {
	const now = await maintenance(kuma, key);
	if (now) await kuma.call("deleteMaintenance", now.id);
}

async function maintenance(
	kuma: Kuma,
	key: string,
): Promise<KumaMaintenance | undefined> {
	return (await kuma.maintenances()).find(({ description }) =>
		description?.endsWith(mark(key)),
	);
}

/** A time of the zone that stands beside it, here UTC. */
function local(time: Date): string {
	return time.toISOString().slice(0, 19).replace("T", " ");
}
