import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildGo } from "../../setup/go.mjs";

const VERSION = "v0.52.1";

/** Builds the command once a version and lays it into the context. */
export async function prepare({ context, cache, log }) {
	const source = join(context, "main.go");
	const hash = createHash("sha256").update(readFileSync(source)).digest("hex");
	const program = cache.path(`cadvisor-${VERSION}-${hash.slice(0, 12)}`);
	if (!existsSync(program))
		await buildGo({
			cache,
			module: "github.com/google/cadvisor",
			version: VERSION,
			source,
			output: program,
			log,
		});
	copyFileSync(program, join(context, "cadvisor"));
	return VERSION;
}
