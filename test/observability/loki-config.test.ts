import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { logLabels } from "../../observability/logs";
import { retention as metricsRetention } from "../../observability/prometheus";
import { parseConfig } from "../stand-ins/loki/config";
import { lokiFile } from "./collector";

const text = readFileSync(lokiFile, "utf8");

/**
 * What has to stand together so that Loki deletes anything: docs of Loki,
 * operations/storage/retention and operations/storage/schema.
 */
const deletes = z.object({
	schema_config: z.object({
		configs: z
			.array(
				z.object({
					store: z.literal("tsdb"),
					object_store: z.literal("filesystem"),
					schema: z.literal("v13"),
					// The compactor's retention works on tables of a day only.
					index: z.object({ prefix: z.string(), period: z.literal("24h") }),
				}),
			)
			.length(1),
	}),
	compactor: z.object({
		retention_enabled: z.literal(true),
		// Loki does not start with retention and without it.
		delete_request_store: z.literal("filesystem"),
		working_directory: z.string().startsWith("/loki/"),
	}),
	limits_config: z.object({
		retention_period: z.literal("720h"),
		// OTLP needs it, and it needs v13.
		allow_structured_metadata: z.literal(true),
	}),
	common: z.object({
		path_prefix: z.literal("/loki"),
		storage: z.object({
			filesystem: z.object({
				chunks_directory: z.string().startsWith("/loki/"),
			}),
		}),
	}),
	// Old ways to delete, which exclude the compactor's.
	table_manager: z.never().optional(),
	chunk_store_config: z.object({ max_look_back_period: z.never().optional() }),
});

describe("Loki's configuration", () => {
	it("has all without which nothing is ever deleted", () => {
		deletes.parse(parse(text));
		for (const line of [
			"  retention_enabled: true\n",
			"  delete_request_store: filesystem\n",
			"  retention_period: 720h\n",
			"        period: 24h\n",
		]) {
			assert.ok(text.includes(line), line);
			assert.throws(() => deletes.parse(parse(text.replace(line, "\n"))));
		}
	});

	it("keeps lines as long as Prometheus keeps metrics", () => {
		const days = Number(/^(\d+)d$/.exec(metricsRetention.time)?.[1]);
		const { retention_period } = parseConfig(text).limits_config;
		assert.equal(retention_period, days * 24 * 3600 * 1000);
	});

	it("makes labels of what the collector names lines by, and of nothing else", () => {
		const { otlp_config } = parseConfig(text).limits_config;
		const labels = otlp_config.resource_attributes.attributes_config
			.filter(({ action }) => action === "index_label")
			.flatMap(({ attributes }) => attributes);
		assert.deepEqual(labels.sort(), Object.values(logLabels).sort());
	});
});
