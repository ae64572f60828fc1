import { createGrafana } from "./app";
import { readSettings, version } from "./settings";

/** Lines as Grafana writes them. */
function log(level: string, words: string): void {
	const line = `logger=stand-in t=${new Date().toISOString()} level=${level} msg=${JSON.stringify(words)}\n`;
	process.stdout.write(line);
}

try {
	const settings = readSettings(process.env);
	const server = createGrafana(settings).listen(settings.port, () =>
		log("info", `Grafana stand-in ${version} listens on ${settings.port}`),
	);
	for (const signal of ["SIGINT", "SIGTERM"]) {
		process.once(signal, () => {
			log("info", `stops on ${signal}`);
			server.close();
			server.closeAllConnections();
		});
	}
} catch (error) {
	log("error", (error as Error).message);
	process.exitCode = 1;
}
