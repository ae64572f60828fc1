import { z } from "zod";
import {
	queryPath,
	type Series,
	seriesOf,
	type Target,
	type TimeRange,
} from "../../../observability/grafana/queries";
import { forward, reason } from "./data-source";
import type { DataSource } from "./provisioning";

const words = z.record(
	z.string(),
	z.object({ text: z.string(), color: z.string() }),
);

/** What of a panel is drawn. */
export const panelModel = z.object({
	type: z.string(),
	title: z.string().default(""),
	gridPos: z.object({
		...{ x: z.int(), y: z.int(), w: z.int(), h: z.int() },
	}),
	targets: z
		.array(
			z.object({
				refId: z.string(),
				expr: z.string(),
				datasource: z.object({ type: z.string(), uid: z.string() }),
				legendFormat: z.string().optional(),
				instant: z.boolean().optional(),
			}),
		)
		.default([]),
	fieldConfig: z
		.object({
			defaults: z.object({
				unit: z.string().optional(),
				mappings: z.array(z.object({ options: words })).default([]),
			}),
		})
		.optional(),
});
export type Panel = z.infer<typeof panelModel>;

/** A series under the name that its panel gives it. */
export interface Named {
	name: string;
	points: Series["points"];
}

/** Looks of a value: text, and a colour where the panel has words for it. */
export function shown(
	{ fieldConfig }: Panel,
	value: string,
): { text: string; color?: string } {
	const defaults = fieldConfig?.defaults;
	return (
		defaults?.mappings[0]?.options[value] ?? {
			text: withUnit(Number(value), defaults?.unit),
		}
	);
}

/** The answers to a panel's queries, and why there are none. */
export async function ask(
	panel: Panel,
	sources: DataSource[],
	range: TimeRange,
): Promise<{ series: Named[]; problems: string[] }> {
	const problems: string[] = [];
	const series = await Promise.all(
		panel.targets.map(async (target): Promise<Named[]> => {
			try {
				return await answersTo(target as Target, sources, range);
			} catch (error) {
				problems.push(`${target.refId}: ${reason(error)}`);
				return [];
			}
		}),
	);
	return { series: series.flat(), problems };
}

async function answersTo(
	target: Target,
	sources: DataSource[],
	range: TimeRange,
): Promise<Named[]> {
	const source = sources.find(({ uid }) => uid === target.datasource.uid);
	if (!source) throw new Error(`no data source ${target.datasource.uid}`);
	const { status, body } = await forward(source, queryPath(target, range));
	if (status !== 200) throw new Error(`${status} ${body.slice(0, 200)}`);
	return seriesOf(body).map(({ labels, points }) => ({
		name: named(target.legendFormat, labels),
		points,
	}));
}

/** `{{label}}` is the label's value; without a format all labels are told. */
function named(format: string | undefined, labels: Record<string, string>) {
	return format
		? format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? "")
		: Object.entries(labels)
				.map(([label, value]) => `${label}=${value}`)
				.join(" ");
}

function withUnit(value: number, unit: string | undefined): string {
	const figure = (number: number) =>
		new Intl.NumberFormat("en", { maximumSignificantDigits: 3 }).format(number);
	switch (unit) {
		case "percentunit":
			return `${figure(value * 100)} %`;
		case "s":
			return inTime(value, figure);
		case "bytes":
			return `${inBytes(value, figure)}B`;
		case "binBps":
			return `${inBytes(value, figure)}B/s`;
		case "reqps":
			return `${figure(value)} req/s`;
		default:
			return figure(value);
	}
}

function inTime(seconds: number, figure: (number: number) => string): string {
	const size = Math.abs(seconds);
	if (size >= 2 * 86_400) return `${figure(seconds / 86_400)} d`;
	if (size >= 2 * 3600) return `${figure(seconds / 3600)} h`;
	if (size >= 120) return `${figure(seconds / 60)} min`;
	return size >= 1 || size === 0
		? `${figure(seconds)} s`
		: `${figure(seconds * 1000)} ms`;
}

function inBytes(bytes: number, figure: (number: number) => string): string {
	const power = Math.min(
		4,
		Math.max(0, Math.floor(Math.log2(Math.abs(bytes) || 1) / 10)),
	);
	return `${figure(bytes / 1024 ** power)} ${["", "Ki", "Mi", "Gi", "Ti"][power]}`;
}
