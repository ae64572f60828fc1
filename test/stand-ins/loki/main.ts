import { join } from "node:path";
import { parseArgs } from "node:util";
import { readConfig } from "./config";
import { Journal } from "./journal";
import { Loki, version } from "./server";

/** Text in memory, and in files: far below the service's limit of 512 MB with all that Node adds. */
const maxBytes = 64 * 1024 * 1024;

function main(): void {
	const { values } = parseArgs({
		// Go's flags may have one dash.
		args: process.argv
			.slice(2)
			.map((word) => word.replace(/^-(?=[a-z])/, "--")),
		options: {
			"config.file": {
				type: "string",
				default: "/etc/loki/local-config.yaml",
			},
			"verify-config": { type: "boolean", default: false },
			version: { type: "boolean", default: false },
		},
	});
	if (values.version) {
		console.log(`loki, version ${version}`);
		return;
	}
	const config = readConfig(values["config.file"]);
	if (values["verify-config"]) return;
	const loki = new Loki({
		config,
		journal: new Journal(join(config.common.path_prefix, "stand-in"), maxBytes),
		maxBytes,
	});
	loki.compact();
	const timer = setInterval(
		() => loki.compact(),
		config.compactor.compaction_interval,
	);
	const port = config.server.http_listen_port;
	loki.server.listen(port, () =>
		say("info", `stand-in for Loki ${version} listens on ${port}`),
	);
	for (const signal of ["SIGTERM", "SIGINT"] as const)
		process.once(signal, () => {
			clearInterval(timer);
			loki.server.close();
			loki.server.closeAllConnections();
		});
}

function say(level: string, msg: string): void {
	console.log(JSON.stringify({ level, msg }));
}

try {
	main();
} catch (error) {
	say("error", (error as Error).message);
	process.exit(1);
}
