import { ExitCode } from "../errors";
import { FreezeWatch } from "../freeze/watch";
import { serveMetrics } from "../metrics";
import { type Options, sourceOf } from "../options";
import type { Outcome } from "./outcome";

/** Looks at a frozen source until SIGTERM or SIGINT; see FreezeWatch. */
export async function runWatch(options: Options): Promise<Outcome> {
	const say = (line: string) => {
		process.stderr.write(`watch: ${line}\n`);
	};
	const watch = new FreezeWatch(sourceOf(options), say);
	const stop = new AbortController();
	const onSignal = () => stop.abort();
	process.on("SIGTERM", onSignal);
	process.on("SIGINT", onSignal);
	const served =
		options.metricsPort === undefined
			? undefined
			: await serveMetrics(options.metricsPort, options.metricsHost, async () =>
					watch.metrics(),
				);
	if (served)
		say(`metrics at http://${options.metricsHost}:${served.port}/metrics`);
	try {
		await watch.run(stop.signal);
	} finally {
		served?.close();
		process.off("SIGTERM", onSignal);
		process.off("SIGINT", onSignal);
	}
	return { json: {}, lines: ["watch ended"], exitCode: ExitCode.done };
}
