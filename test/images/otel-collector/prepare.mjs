import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildCollector } from "../../setup/go.mjs";

const BUILDER = "v0.165.0";

/** Builds the collector once a list of parts and lays it into the context. */
export async function prepare({ context, cache, log }) {
	const parts = join(context, "builder.yaml");
	const hash = createHash("sha256").update(readFileSync(parts)).digest("hex");
	const program = cache.path(`otelcol-${BUILDER}-${hash.slice(0, 12)}`);
	if (!existsSync(program))
		await buildCollector({
			cache,
			version: BUILDER,
			parts,
			output: program,
			log,
		});
	copyFileSync(program, join(context, "otelcol-contrib"));
	return BUILDER;
}
