import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { buildGo } from "../../setup/go.mjs";

const VERSION = "v2.11.9";

/** Builds Caddy once a version and lays it into the context. */
export async function prepare({ context, cache, log }) {
	const program = cache.path(`caddy-${VERSION}`);
	if (!existsSync(program))
		await buildGo({
			cache,
			module: "github.com/caddyserver/caddy/v2",
			version: VERSION,
			command: "cmd/caddy",
			// What `caddy version` prints; its own releases are built as the main module.
			ldflags: `-X github.com/caddyserver/caddy/v2.CustomVersion=${VERSION}`,
			output: program,
			log,
		});
	copyFileSync(program, join(context, "caddy"));
	return VERSION;
}
