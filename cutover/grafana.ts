import { z } from "zod";
import {
	queryPath,
	type Series,
	seriesOf,
	type Target,
	type TimeRange,
} from "../observability/grafana/queries";
import type { Site } from "./checks/site";
import type { HttpOptions } from "./http";
import { askMonitoring, type MonitoringAccess } from "./monitoring-host";

export interface Annotation {
	/** `cutover` among them, or no dashboard shows it. */
	tags: string[];
	text: string;
	/** Milliseconds since 1970. */
	time: number;
	/** Makes it a span. */
	timeEnd?: number;
}

/** What one query of a panel returned. */
export interface PanelData {
	dashboard: string;
	panel: string;
	refId: string;
	series: Series[];
	/** Why there is no answer, where there is none. */
	error?: string;
}

const found = z.array(z.object({ uid: z.string() }));
const target = z.object({
	refId: z.string(),
	expr: z.string(),
	datasource: z.object({ type: z.string(), uid: z.string() }),
	legendFormat: z.string().optional(),
	instant: z.boolean().optional(),
});
const stored = z.object({
	dashboard: z.object({
		uid: z.string(),
		panels: z.array(
			z.object({
				title: z.string().default(""),
				targets: z.array(target).default([]),
			}),
		),
	}),
});

/** A deployed stack's Grafana, from outside. */
export function grafanaOf({ outputs }: Site): MonitoringAccess {
	return {
		url: `https://${outputs.hostnames.monitoring}`,
		address: outputs.reservedIp,
		...outputs.monitoring,
	};
}

/**
 * Notes in Grafana what happened: every dashboard of ours shows it in its panels.
 *
 * @returns the annotation's id.
 * @throws Error when Grafana does not take it.
 */
export async function annotate(
	access: MonitoringAccess,
	annotation: Annotation,
): Promise<number> {
	const answer = await ask(access, "/api/annotations", { json: annotation });
	return z.object({ id: z.number() }).parse(answer).id;
}

/**
 * Asks every query of every panel, by Grafana's own way to its data sources.
 *
 * @throws Error when Grafana does not answer, or has no dashboard. That a data source
 *   does not is in the result.
 */
export async function panelData(
	access: MonitoringAccess,
	range: TimeRange,
): Promise<PanelData[]> {
	const list = found.parse(await ask(access, "/api/search?type=dash-db"));
	if (list.length === 0) throw new Error("Grafana has no dashboard");
	const results: PanelData[] = [];
	for (const { uid } of list) {
		const path = `/api/dashboards/uid/${uid}`;
		const { dashboard } = stored.parse(await ask(access, path));
		for (const { title, targets } of dashboard.panels) {
			for (const each of targets) {
				results.push({
					...{ dashboard: uid, panel: title, refId: each.refId },
					...(await dataOf(access, each as Target, range)),
				});
			}
		}
	}
	return results;
}

async function dataOf(
	access: MonitoringAccess,
	of: Target,
	range: TimeRange,
): Promise<Pick<PanelData, "series" | "error">> {
	const path = `/api/datasources/proxy/uid/${of.datasource.uid}/${queryPath(of, range)}`;
	const { status, body } = await askMonitoring(access, path);
	return status === 200
		? { series: seriesOf(body) }
		: { series: [], error: `${status} ${body.slice(0, 300)}` };
}

async function ask(
	access: MonitoringAccess,
	path: string,
	options?: HttpOptions,
): Promise<unknown> {
	const { status, body } = await askMonitoring(access, path, options);
	if (status !== 200) {
		throw new Error(
			`Grafana answered ${status} to ${path}: ${body.slice(0, 300)}`,
		);
	}
	return JSON.parse(body);
}
