import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** As Uptime Kuma numbers them. */
export const Status = { down: 0, up: 1, pending: 2, maintenance: 3 } as const;
export type Status = (typeof Status)[keyof typeof Status];

export interface Beat {
	id: number;
	monitor_id: number;
	status: Status;
	/** UTC, "2026-01-31 08:00:00.000". */
	time: string;
	msg: string;
	/** Milliseconds. */
	ping: number | null;
	important: 0 | 1;
	retries: number;
}

export interface Monitor extends Record<string, unknown> {
	id: number;
	name: string;
	type: "http" | "push" | "group";
	parent: number | null;
	interval: number;
	retryInterval: number;
	maxretries: number;
	notificationIDList: Record<string, boolean>;
}

export interface Notification {
	id: number;
	name: string;
	isDefault: boolean;
	active: boolean;
	config: string;
}

export interface Incident {
	id: number;
	title: string;
	content: string;
	style: string;
	pin: boolean;
	active: boolean;
	createdDate: string;
	lastUpdatedDate: string | null;
	status_page_id: number;
}

export interface Maintenance extends Record<string, unknown> {
	id: number;
	title: string;
	description: string;
	strategy: "single" | "manual";
	active: boolean;
	dateRange: (string | null)[];
	monitorIds: number[];
	pageIds: number[];
}

export interface Group {
	id: number;
	name: string;
	monitorList: { id: number; sendUrl?: boolean; url?: string }[];
}

export interface Page extends Record<string, unknown> {
	id: number;
	slug: string;
	title: string;
	description: string | null;
	domainNameList: string[];
	groups: Group[];
}

export interface State {
	user: { name: string; salt: string; hash: string } | null;
	lastId: number;
	monitors: Monitor[];
	notifications: Notification[];
	pages: Page[];
	incidents: Incident[];
	maintenances: Maintenance[];
	/** The last 100 of each monitor, oldest first. */
	beats: Record<string, Beat[]>;
}

const keptBeats = 100;

/** What the server knows, in a file of its data folder so that a new task goes on with it. */
export class Store {
	readonly state: State;
	readonly #file: string | undefined;

	/** @param folder none: in memory alone. */
	constructor(folder: string | undefined) {
		this.#file = folder && join(folder, "stand-in.json");
		this.state = this.#read() ?? {
			...{ user: null, lastId: 0, beats: {} },
			...{ monitors: [], notifications: [], pages: [] },
			...{ incidents: [], maintenances: [] },
		};
	}

	nextId(): number {
		this.state.lastId += 1;
		return this.state.lastId;
	}

	save(): void {
		if (!this.#file) return;
		mkdirSync(join(this.#file, ".."), { recursive: true });
		writeFileSync(`${this.#file}.new`, JSON.stringify(this.state));
		renameSync(`${this.#file}.new`, this.#file);
	}

	beatsOf(monitorId: number): Beat[] {
		return this.state.beats[monitorId] ?? [];
	}

	addBeat(beat: Beat): void {
		const all = [...this.beatsOf(beat.monitor_id), beat];
		this.state.beats[beat.monitor_id] = all.slice(-keptBeats);
		this.save();
	}

	/** inactive, scheduled, under-maintenance or ended. Times are UTC. */
	statusOf({ active, strategy, dateRange }: Maintenance): string {
		if (!active) return "inactive";
		if (strategy === "manual") return "under-maintenance";
		const [from, until] = dateRange.map((text) =>
			text ? Date.parse(`${text.replace(" ", "T")}Z`) : undefined,
		);
		if (from !== undefined && Date.now() < from) return "scheduled";
		if (until !== undefined && Date.now() > until) return "ended";
		return "under-maintenance";
	}

	isUnderMaintenance(monitorId: number): boolean {
		const monitor = this.state.monitors.find(({ id }) => id === monitorId);
		return (
			this.state.maintenances.some(
				(one) =>
					one.monitorIds.includes(monitorId) &&
					this.statusOf(one) === "under-maintenance",
			) ||
			(typeof monitor?.parent === "number" &&
				this.isUnderMaintenance(monitor.parent))
		);
	}

	#read(): State | undefined {
		try {
			return JSON.parse(readFileSync(this.#file ?? "", "utf8")) as State;
		} catch {
			return undefined;
		}
	}
}

/** A time as the API has it. */
export function apiTime(time = new Date()): string {
	return time.toISOString().replace("T", " ").replace("Z", "");
}
