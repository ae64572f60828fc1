import { randomBytes, scryptSync, timingSafeEqual } from "node:crypto";
import type { Runner } from "./monitors";
import { publicHistory } from "./page";
import {
	apiTime,
	type Group,
	type Incident,
	type Maintenance,
	type Monitor,
	type Notification,
	type Page,
	type Store,
} from "./store";

export interface Served {
	store: Store;
	runner: Runner;
	/** Has visitors see what is, not what was kept for them. */
	clearCache(): void;
	/** Pushes a list to whoever has logged in. */
	push(event: string, ...args: unknown[]): void;
}

type Fields = Record<string, unknown>;
// biome-ignore lint/suspicious/noExplicitAny: arguments come over the wire; each handler says what it takes.
type Handler = (...args: any[]) => Fields;

/** What anybody may call; the rest needs a log-in. */
export const publicEvents = new Set(["login", "setup", "getIncidentHistory"]);

/** The events of Uptime Kuma 2.5 that are served, by name; a thrown error is the answer. */
export function handlers(served: Served): Record<string, Handler> {
	return {
		...accountHandlers(served),
		...monitorHandlers(served),
		...pageHandlers(served),
		...incidentHandlers(served),
		...maintenanceHandlers(served),
	};
}

const hashOf = (password: string, salt: string) =>
	scryptSync(password, salt, 32).toString("hex");

export function isUser({ state }: Store, name: string, password: string) {
	const { user } = state;
	if (!user || user.name !== name || typeof password !== "string") return false;
	const given = Buffer.from(hashOf(password, user.salt));
	return timingSafeEqual(given, Buffer.from(user.hash));
}

function accountHandlers({ store }: Served): Record<string, Handler> {
	return {
		setup(name: string, password: string) {
			if (password.length < 6) throw new Error("passwordTooWeak");
			if (store.state.user)
				throw new Error(
					"Uptime Kuma has been initialized. If you want to run setup again, please delete the database.",
				);
			const salt = randomBytes(16).toString("hex");
			store.state.user = { name, salt, hash: hashOf(password, salt) };
			return { msg: "successAdded" };
		},
		login({ username, password }: { username: string; password: string }) {
			if (!isUser(store, username, password))
				throw new Error("authIncorrectCreds");
			return { token: "the stand-in gives none" };
		},
	};
}

/** What monitorList and notificationList carry. */
export const lists = {
	monitorList: ({ state }: Store) =>
		Object.fromEntries(state.monitors.map((one) => [one.id, one])),
	notificationList: ({ state }: Store) => state.notifications,
	maintenanceList: (store: Store) =>
		Object.fromEntries(
			store.state.maintenances.map((one) => [
				one.id,
				{ ...one, status: store.statusOf(one) },
			]),
		),
};

function monitorHandlers(served: Served): Record<string, Handler> {
	const { store, runner, push } = served;
	const { state } = store;
	return {
		getMonitorList() {
			push("monitorList", lists.monitorList(store));
			return {};
		},
		add(given: Fields) {
			const monitor = { ...checked(given), id: store.nextId(), active: true };
			state.monitors.push(monitor);
			runner.start(monitor.id);
			return { msg: "successAdded", monitorID: monitor.id };
		},
		editMonitor(given: Fields) {
			const at = state.monitors.findIndex(({ id }) => id === given.id);
			const now = state.monitors[at];
			if (!now) throw new Error("Monitor not found");
			state.monitors[at] = { ...now, ...checked(given) };
			runner.start(now.id);
			return { msg: "Saved.", monitorID: now.id };
		},
		deleteMonitor(id: number, _children: boolean) {
			runner.stop(id);
			state.monitors = state.monitors.filter((one) => one.id !== id);
			for (const one of state.monitors)
				if (one.parent === id) one.parent = null;
			for (const { groups } of state.pages)
				for (const group of groups)
					group.monitorList = group.monitorList.filter((one) => one.id !== id);
			delete state.beats[id];
			served.clearCache();
			return { msg: "successDeleted" };
		},
		getMonitorBeats(id: number, period: number) {
			const after = apiTime(new Date(Date.now() - period * 3_600_000));
			const data = store.beatsOf(id).filter(({ time }) => time > after);
			return { data };
		},
		addNotification(given: Fields, id: number | null) {
			if (!["smtp", "webhook"].includes(String(given.type)))
				throw new Error(unserved(`notifications of type ${given.type}`));
			const saved: Notification = {
				id: id ?? store.nextId(),
				name: String(given.name),
				...{ isDefault: given.isDefault === true, active: true },
				config: JSON.stringify(given),
			};
			state.notifications = [
				...state.notifications.filter((one) => one.id !== saved.id),
				saved,
			];
			push("notificationList", lists.notificationList(store));
			return { msg: "Saved.", id: saved.id };
		},
		deleteNotification(id: number) {
			state.notifications = state.notifications.filter((one) => one.id !== id);
			for (const one of state.monitors) delete one.notificationIDList[id];
			push("notificationList", lists.notificationList(store));
			return { msg: "successDeleted" };
		},
	};
}

function checked(given: Fields): Monitor {
	if (!["http", "push", "group"].includes(String(given.type)))
		throw new Error(unserved(`monitors of type ${given.type}`));
	for (const [key, what] of [
		["interval", "Interval"],
		["retryInterval", "Retry interval"],
	] as const)
		if (Number(given[key]) < 20)
			throw new Error(`${what} cannot be less than 20 seconds`);
	const codes = given.accepted_statuscodes as unknown[];
	if (!codes.every((code) => typeof code === "string"))
		throw new Error("Accepted status codes are not all strings");
	return {
		...{ description: null, parent: null, notificationIDList: {} },
		...given,
	} as unknown as Monitor;
}

export const unserved = (what: string) =>
	`${what}: not served by this stand-in for Uptime Kuma`;

function pageHandlers(served: Served): Record<string, Handler> {
	const { store } = served;
	const { state } = store;
	return {
		addStatusPage(title: string, slug: string) {
			if (!title?.trim() || !slug?.trim())
				throw new Error("Please input all fields");
			if (state.pages.some((page) => page.slug === slug))
				throw new Error("UNIQUE constraint failed: status_page.slug");
			state.pages.push({
				...{ id: store.nextId(), slug, title, description: null },
				...{ icon: "/icon.svg", theme: "auto", autoRefreshInterval: 300 },
				...{ published: true, showTags: false, customCSS: null },
				...{ footerText: null, showPoweredBy: true, analyticsId: null },
				...{ analyticsScriptUrl: null, analyticsType: null },
				...{ domainNameList: [], groups: [] },
			});
			return { msg: "successAdded", slug };
		},
		getStatusPage(slug: string) {
			const page = state.pages.find((one) => one.slug === slug);
			if (!page) throw new Error("No slug?");
			const { groups: _groups, ...config } = page;
			return { config };
		},
		saveStatusPage(
			slug: string,
			config: Fields,
			imgDataUrl: string,
			groups: (Omit<Group, "id"> & { id?: number })[],
		) {
			const page = pageOf(store, slug, "No slug?");
			const types = ["google", "umami", "plausible", "matomo", "rybbit"];
			const type = config.analyticsType;
			if (type !== null && !types.includes(String(type)))
				throw new Error("Invalid analytics type");
			if (!Array.isArray(config.domainNameList))
				throw new Error("Invalid array");
			const domains = config.domainNameList as string[];
			for (const other of state.pages)
				other.domainNameList = other.domainNameList.filter(
					(domain) => !domains.includes(domain),
				);
			Object.assign(page, config, {
				...{ id: page.id, icon: imgDataUrl || "/icon.svg" },
				groups: groups.map((group) => ({
					id: group.id ?? store.nextId(),
					name: group.name,
					monitorList: group.monitorList,
				})),
			});
			served.clearCache();
			return { publicGroupList: page.groups };
		},
	};
}

function pageOf(
	{ state }: Store,
	slug: string,
	words = "slug is not found",
): Page {
	const page = state.pages.find((one) => one.slug === slug);
	if (!page) throw new Error(words);
	return page;
}

/** None of these clears what visitors are shown, as in the official server. */
function incidentHandlers({ store }: Served): Record<string, Handler> {
	const { state } = store;
	const find = (slug: string, id: number) => {
		const page = pageOf(store, slug);
		const incident = state.incidents.find(
			(one) => one.id === id && one.status_page_id === page.id,
		);
		if (!incident) throw new Error("Incident not found or access denied");
		return incident;
	};
	return {
		postIncident(slug: string, given: Incident) {
			const page = pageOf(store, slug);
			const known = state.incidents.find(({ id }) => id === given.id);
			const incident: Incident = known ?? {
				...given,
				...{ id: store.nextId(), pin: true, active: true },
				...{ createdDate: apiTime(), lastUpdatedDate: null },
				status_page_id: page.id,
			};
			if (known) {
				const { title, content, style } = given;
				Object.assign(known, {
					title,
					content,
					style,
					pin: true,
					active: true,
				});
				known.lastUpdatedDate = apiTime();
			} else state.incidents.push(incident);
			return { incident };
		},
		getIncidentHistory(slug: string, _cursor: string | null) {
			pageOf(store, slug);
			return publicHistory(store, slug) ?? {};
		},
		editIncident(slug: string, id: number, given: Incident) {
			const { title, content, style } = given;
			if (!title?.trim()) throw new Error("Please input title");
			if (!content?.trim()) throw new Error("Please input content");
			const incident = find(slug, id);
			Object.assign(incident, { title, content, style });
			incident.lastUpdatedDate = apiTime();
			return { msg: "Saved.", incident };
		},
		resolveIncident(slug: string, id: number) {
			const incident = find(slug, id);
			Object.assign(incident, { active: false, pin: false });
			incident.lastUpdatedDate = apiTime();
			return { msg: "Resolved", incident };
		},
		deleteIncident(slug: string, id: number) {
			const incident = find(slug, id);
			state.incidents = state.incidents.filter((one) => one !== incident);
			return { msg: "successDeleted" };
		},
	};
}

function maintenanceHandlers(served: Served): Record<string, Handler> {
	const { store, push, clearCache } = served;
	const { state } = store;
	const find = (id: number) => {
		const found = state.maintenances.find((one) => one.id === id);
		if (!found) throw new Error("Maintenance not found");
		return found;
	};
	const save = (given: Fields, known?: Maintenance) => {
		if (!["single", "manual"].includes(String(given.strategy)))
			throw new Error(unserved(`maintenance by ${given.strategy}`));
		if (given.timezoneOption !== "UTC")
			throw new Error(unserved(`the time zone ${given.timezoneOption}`));
		for (const [at, word] of ["start", "end"].entries()) {
			const text = (given.dateRange as (string | null)[])[at];
			if (text && Number.isNaN(Date.parse(text)))
				throw new Error(`Invalid ${word} date`);
		}
		const maintenance = {
			...{ monitorIds: [], pageIds: [], ...known },
			...given,
			id: known?.id ?? store.nextId(),
		} as unknown as Maintenance;
		state.maintenances = [
			...state.maintenances.filter(({ id }) => id !== maintenance.id),
			maintenance,
		];
		push("maintenanceList", lists.maintenanceList(store));
		return { maintenanceID: maintenance.id };
	};
	const ids = (list: { id: number }[]) => list.map(({ id }) => id);
	return {
		getMaintenanceList() {
			push("maintenanceList", lists.maintenanceList(store));
			return {};
		},
		addMaintenance: (given: Fields) => save(given),
		editMaintenance: (given: Fields) => save(given, find(Number(given.id))),
		addMonitorMaintenance(id: number, monitors: { id: number }[]) {
			find(id).monitorIds = ids(monitors);
			clearCache();
			return { msg: "successAdded" };
		},
		addMaintenanceStatusPage(id: number, pages: { id: number }[]) {
			find(id).pageIds = ids(pages);
			clearCache();
			return { msg: "successAdded" };
		},
		deleteMaintenance(id: number) {
			state.maintenances = state.maintenances.filter((one) => one.id !== id);
			clearCache();
			return { msg: "successDeleted" };
		},
	};
}
