import { z } from "zod";
import type { Config } from "./config";
import { labelName } from "./logql/parsers";
import { bytes } from "./logql/tree";
import type { Attributes, ResourceLogs, Value } from "./otlp";
import type { Entry, Push } from "./store";

/** What was taken, and what was not and why. */
export interface Ingested {
	pushes: Push[];
	refused: { reason: string; message: string }[];
}

const pushJson = z.object({
	streams: z.array(
		z.object({
			stream: z.record(z.string(), z.string()),
			values: z.array(
				z.union([
					z.tuple([z.string(), z.string()]),
					z.tuple([z.string(), z.string(), z.record(z.string(), z.string())]),
				]),
			),
		}),
	),
});

/** @throws Error where the text is no push. */
export function readPush(text: string): Push[] {
	const push = pushJson.safeParse(JSON.parse(text));
	if (!push.success) throw new Error(z.prettifyError(push.error));
	return push.data.streams.map(({ stream, values }) => ({
		labels: stream,
		entries: values.map(([ns, line, metadata = {}]) => ({
			ns: BigInt(ns),
			line,
			metadata,
		})),
	}));
}

/** OTLP's attributes as Loki's labels and structured metadata, as the configuration says. */
export function fromOtlp(logs: ResourceLogs[], config: Config): Push[] {
	const rules =
		config.limits_config.otlp_config.resource_attributes.attributes_config;
	const actionOf = (name: string) =>
		rules.find(({ attributes }) => attributes.includes(name))?.action ??
		"structured_metadata";
	return logs.map(({ resource, records }) => {
		const having = (wanted: string) =>
			texts(
				Object.fromEntries(
					Object.entries(resource).filter(
						([name]) => actionOf(name) === wanted,
					),
				),
			);
		const shared = having("structured_metadata");
		return {
			labels: having("index_label"),
			entries: records.map((record): Entry => {
				const { time, observed, severityNumber, severityText } = record;
				return {
					ns: time || observed,
					line: text(record.body),
					metadata: {
						...shared,
						...(severityNumber > 0
							? { severity_number: String(severityNumber) }
							: {}),
						...(severityText === "" ? {} : { severity_text: severityText }),
						...(observed > 0n ? { observed_timestamp: String(observed) } : {}),
						...texts(record.attributes),
					},
				};
			}),
		};
	});
}

function texts(attributes: Attributes): Record<string, string> {
	return Object.fromEntries(
		Object.entries(attributes).map(([name, value]) => [
			labelName(name),
			text(value),
		]),
	);
}

function text(value: Value): string {
	return typeof value === "string" ? value : JSON.stringify(value);
}

/**
 * Leaves out what Loki refuses: streams without a label, lines that are too old, too
 * far in the future or too long.
 *
 * @param nowMs Unix milliseconds
 */
export function admit(pushes: Push[], config: Config, nowMs: number): Ingested {
	const limits = config.limits_config;
	const refused: Ingested["refused"] = [];
	const refuse = (reason: string, message: string) => {
		refused.push({ reason, message });
		return [];
	};
	const now = BigInt(nowMs) * 1_000_000n;
	const oldest = now - BigInt(limits.reject_old_samples_max_age) * 1_000_000n;
	const newest = now + 600_000_000_000n;
	const longest = bytes(limits.max_line_size) ?? Number.POSITIVE_INFINITY;
	const taken = pushes.flatMap(({ labels, entries }) => {
		if (Object.keys(labels).length === 0)
			return refuse(
				"missing_labels",
				"error at least one label pair is required per stream",
			);
		const fit = entries.flatMap((entry) => {
			if (limits.reject_old_samples && entry.ns < oldest)
				return refuse(
					"greater_than_max_sample_age",
					`entry for stream '${JSON.stringify(labels)}' has timestamp too old: ${at(entry.ns)}, oldest acceptable timestamp is: ${at(oldest)}`,
				);
			if (entry.ns > newest)
				return refuse(
					"too_far_in_future",
					`entry for stream '${JSON.stringify(labels)}' has timestamp too new: ${at(entry.ns)}`,
				);
			if (
				Object.keys(entry.metadata).length > 0 &&
				!limits.allow_structured_metadata
			)
				return refuse(
					"disallowed_structured_metadata",
					`stream '${JSON.stringify(labels)}' includes structured metadata, but this feature is disallowed`,
				);
			if (Buffer.byteLength(entry.line) <= longest) return [entry];
			if (!limits.max_line_size_truncate)
				return refuse(
					"line_too_long",
					`max entry size '${longest}' bytes exceeded for stream '${JSON.stringify(labels)}'`,
				);
			return [{ ...entry, line: entry.line.slice(0, longest) }];
		});
		return fit.length > 0 ? [{ labels, entries: fit }] : [];
	});
	return { pushes: taken, refused };
}

function at(ns: bigint): string {
	return new Date(Number(ns / 1_000_000n)).toISOString();
}
