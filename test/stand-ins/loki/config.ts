import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { duration } from "./logql/tree";

const milliseconds = z.string().transform((text, context) => {
	const found = duration(text);
	if (found !== undefined) return found / 1e6;
	context.addIssue({ code: "custom", message: `not a duration: ${text}` });
	return z.NEVER;
});

const action = z.object({
	action: z.enum(["index_label", "structured_metadata", "drop"]),
	attributes: z.array(z.string()).default([]),
});

/** What this one obeys of real Loki's file. The rest of it is Loki's alone. */
const schema = z.object({
	auth_enabled: z.literal(false),
	server: z.object({ http_listen_port: z.int() }),
	common: z.object({ path_prefix: z.string() }),
	compactor: z.object({
		retention_enabled: z.boolean().default(false),
		compaction_interval: milliseconds.default(600_000),
	}),
	limits_config: z.object({
		retention_period: milliseconds.default(0),
		reject_old_samples: z.boolean().default(true),
		reject_old_samples_max_age: milliseconds.default(7 * 24 * 3600e3),
		max_entries_limit_per_query: z.int().default(5000),
		max_query_series: z.int().default(500),
		max_line_size: z.string().default("256KB"),
		max_line_size_truncate: z.boolean().default(false),
		allow_structured_metadata: z.boolean().default(true),
		discover_service_name: z.array(z.string()).length(0, "only an empty list"),
		discover_log_levels: z.literal(false),
		otlp_config: z.object({
			resource_attributes: z.object({
				ignore_defaults: z.literal(true),
				attributes_config: z.array(action),
			}),
		}),
	}),
});

export type Config = z.infer<typeof schema>;

/**
 * Loki's own configuration file, as far as this one obeys it.
 *
 * @throws Error naming each key that it could not follow.
 */
export function parseConfig(text: string): Config {
	const parsed = schema.safeParse(parse(text));
	if (parsed.success) return parsed.data;
	throw new Error(`failed parsing config: ${z.prettifyError(parsed.error)}`);
}

export function readConfig(file: string): Config {
	return parseConfig(readFileSync(file, "utf8"));
}
