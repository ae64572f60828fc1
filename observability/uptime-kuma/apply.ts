import { isDeepStrictEqual } from "node:util";
import type { Kuma, KumaMonitor, KumaNotification } from "./client";
import type { Desired, Monitor, StatusPage } from "./desired";

/** What `apply` did, by the keys of the desired state. */
export interface Report {
	made: string[];
	changed: string[];
	removed: string[];
	/** As they were already. */
	kept: string[];
}

/**
 * Makes Uptime Kuma what is desired; a second run changes nothing. What is ours is
 * told by a mark, not by its name: a renamed monitor is named back, what has left the
 * desired state is removed, and what people made themselves is left alone. A monitor
 * that somebody paused stays paused.
 */
export async function apply(kuma: Kuma, desired: Desired): Promise<Report> {
	const report: Report = { made: [], changed: [], removed: [], kept: [] };
	const told = await applyNotifications(kuma, desired, report);
	const ids = await applyMonitors(kuma, desired, told, report);
	await applyStatusPage(kuma, desired, ids, report);
	return report;
}

/** The mark of a monitor, in its description, where people read it. */
const mark = (key: string) =>
	`Kept by pulumi up as "${key}": changes made here are undone.`;
const marked = /^Kept by pulumi up as "([^"]+)"/;

/** The id of one of our monitors, or of a group of them by `group-KEY`. */
export async function monitorId(
	kuma: Kuma,
	key: string,
): Promise<number | undefined> {
	return ours(await kuma.monitors(), keyOfMonitor).get(key)?.id;
}

const keyOfMonitor = ({ description }: KumaMonitor) =>
	marked.exec(description ?? "")?.[1];

/** What is ours, by its key; of copies that somebody made of it the oldest is. */
function ours<T extends { id: number }>(
	all: readonly T[],
	keyOf: (item: T) => string | undefined,
): Map<string, T> {
	const found = new Map<string, T>();
	for (const item of [...all].sort((a, b) => b.id - a.id)) {
		const key = keyOf(item);
		if (key !== undefined) found.set(key, item);
	}
	return found;
}

/** @returns their ids, as monitors name them. */
async function applyNotifications(
	kuma: Kuma,
	{ notifications }: Desired,
	report: Report,
): Promise<Record<string, boolean>> {
	const present = ours(kuma.notifications(), (one) => savedAs(one).keptAs);
	const told: Record<string, boolean> = {};
	for (const { key, name, settings } of notifications) {
		const wanted = { ...settings, name, keptAs: key };
		const now = present.get(key);
		const same = now && fits(savedAs(now), wanted);
		note(report, now, same, `notification ${key}`);
		if (same) told[now.id] = true;
		else {
			const saved = { ...wanted, isDefault: false, applyExisting: false };
			const { id } = await kuma.call("addNotification", saved, now?.id ?? null);
			told[Number(id)] = true;
		}
		present.delete(key);
	}
	for (const [key, { id }] of present) {
		await kuma.call("deleteNotification", id);
		report.removed.push(`notification ${key}`);
	}
	return told;
}

function savedAs({ config }: KumaNotification) {
	return JSON.parse(config) as Record<string, unknown> & { keptAs?: string };
}

/** @returns the monitors' ids by key, the groups' too. */
async function applyMonitors(
	kuma: Kuma,
	{ groups }: Desired,
	told: Record<string, boolean>,
	report: Report,
): Promise<Map<string, number>> {
	const present = ours(await kuma.monitors(), keyOfMonitor);
	const ids = new Map<string, number>();
	const place = async (key: string, wanted: Record<string, unknown>) => {
		const now = present.get(key);
		const same = now && fits(now, wanted);
		note(report, now, same, key);
		ids.set(key, same ? now.id : await save(kuma, now, wanted));
		present.delete(key);
		return ids.get(key);
	};
	for (const { key, name, monitors } of groups) {
		const parent = await place(`group-${key}`, {
			...{ name, type: "group", parent: null },
			...{ interval: 60, description: mark(`group-${key}`) },
		});
		for (const monitor of monitors)
			await place(monitor.key, { ...fieldsOf(monitor, told), parent });
	}
	// Children before their groups, which would let go of them.
	for (const [key, { id }] of [...present].reverse()) {
		await kuma.call("deleteMonitor", id, false);
		report.removed.push(key);
	}
	return ids;
}

/** Seconds until a failure is looked at again; the smallest that the server takes. */
const retryInterval = 20;

/** A monitor as the server describes it, without what is left as it is. */
function fieldsOf(monitor: Monitor, told: Record<string, boolean>) {
	const { key, name, interval, retries } = monitor;
	return {
		...{ name, type: monitor.type, description: mark(key) },
		...{ interval, maxretries: retries },
		notificationIDList: told,
		...(monitor.type === "push"
			? { pushToken: monitor.token, retryInterval: interval }
			: {
					url: monitor.url,
					method: monitor.method,
					retryInterval,
					accepted_statuscodes: [...monitor.accepted],
					// Left out, 2.x would take 1000 times that.
					timeout: Math.floor(interval * 0.8),
					expiryNotification: monitor.url.startsWith("https:"),
				}),
	};
}

/** What a new monitor has to say beside its own, as the server's front end does. */
const plain = {
	...{ accepted_statuscodes: ["200-299"], notificationIDList: {} },
	...{ maxretries: 0, retryInterval: 60, resendInterval: 0, maxredirects: 10 },
	...{ ignoreTls: false, upsideDown: false, expiryNotification: false },
	...{ domainExpiryNotification: false, active: true },
	...{ conditions: [], rabbitmqNodes: [], kafkaProducerBrokers: [] },
	kafkaProducerSaslOptions: { mechanism: "None" },
};

async function save(
	kuma: Kuma,
	now: KumaMonitor | undefined,
	wanted: Record<string, unknown>,
): Promise<number> {
	// An edit sets every field, also those that it does not name.
	const { monitorID } = now
		? await kuma.call("editMonitor", {
				...now,
				...wanted,
				notificationIDList: {
					...now.notificationIDList,
					...(wanted.notificationIDList ?? {}),
				},
			})
		: await kuma.call("add", { ...plain, ...wanted });
	return Number(monitorID);
}

interface PublicGroup {
	id?: number;
	name: string;
	monitorList: { id: number }[];
}

async function applyStatusPage(
	kuma: Kuma,
	{ groups, statusPage }: Desired,
	ids: Map<string, number>,
	report: Report,
): Promise<void> {
	const { slug } = statusPage;
	const found = await kuma.statusPage(slug);
	if (!found) await kuma.call("addStatusPage", statusPage.title, slug);
	const config = found ?? (await kuma.statusPage(slug)) ?? {};
	const shown = found
		? ((await kuma.get<{ publicGroupList: PublicGroup[] }>(
				`/api/status-page/${slug}`,
			)) ?? { publicGroupList: [] })
		: { publicGroupList: [] };
	const wanted = groups.map(({ name, monitors }) => ({
		name,
		monitorList: monitors.map(({ key }) => ({ id: ids.get(key) as number })),
	}));
	const all = withForeign(wanted, shown.publicGroupList, new Set(ids.values()));
	const same =
		fits(config, pageFields(statusPage)) &&
		isDeepStrictEqual(outline(all), outline(shown.publicGroupList));
	note(report, found, same, `status page ${slug}`);
	if (!same)
		await savePage(kuma, { ...config, ...pageFields(statusPage) }, all);
}

/** How often a page that is left open looks again. */
const refreshSeconds = 60;

function pageFields({ slug, title, description, domains }: StatusPage) {
	return {
		...{ slug, title, description, domainNameList: [...domains] },
		autoRefreshInterval: refreshSeconds,
	};
}

/**
 * Saves a page with all its groups. An analytics type that is left out instead of
 * null is refused.
 */
async function savePage(
	kuma: Kuma,
	config: Record<string, unknown>,
	groups: PublicGroup[],
): Promise<void> {
	await kuma.call(
		"saveStatusPage",
		config.slug,
		{ ...config, analyticsType: config.analyticsType ?? null },
		config.icon ?? "",
		groups,
	);
}

/**
 * Has visitors see a change at once. The server keeps what it shows them for 5 minutes
 * and forgets it for a saved page, but not for an incident.
 */
export async function refreshPage(kuma: Kuma, slug: string): Promise<void> {
	const config = await kuma.statusPage(slug);
	const shown = await kuma.get<{ publicGroupList: PublicGroup[] }>(
		`/api/status-page/${slug}`,
	);
	if (config && shown) await savePage(kuma, config, shown.publicGroupList);
}

/** Our groups, and behind them those that people made: whose monitors are not all ours. */
function withForeign(
	wanted: PublicGroup[],
	shown: PublicGroup[],
	own: Set<number>,
): PublicGroup[] {
	const isOurs = ({ name, monitorList }: PublicGroup) =>
		wanted.some((one) => one.name === name) ||
		(monitorList.length > 0 && monitorList.every(({ id }) => own.has(id)));
	return [
		...wanted.map((group) => {
			const id = shown.find(({ name }) => name === group.name)?.id;
			return id === undefined ? group : { id, ...group };
		}),
		...shown.filter((group) => !isOurs(group)),
	];
}

const outline = (groups: PublicGroup[]) =>
	groups.map(({ name, monitorList }) => [
		name,
		monitorList.map(({ id }) => id),
	]);

/** Whether everything wanted is there; in objects, further keys are no difference. */
function fits(now: unknown, wanted: unknown): boolean {
	if (
		typeof wanted !== "object" ||
		wanted === null ||
		Array.isArray(wanted) ||
		typeof now !== "object" ||
		now === null
	)
		return isDeepStrictEqual(now, wanted);
	return Object.entries(wanted).every(([key, value]) =>
		fits((now as Record<string, unknown>)[key], value),
	);
}

function note(
	report: Report,
	now: unknown,
	same: boolean | undefined,
	what: string,
): void {
	if (!now) report.made.push(what);
	else if (same) report.kept.push(what);
	else report.changed.push(what);
}
