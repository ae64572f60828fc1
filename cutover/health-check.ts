import { parseArgs } from "node:util";
import { runChecks } from "./check";
import { backendHealthy, siteLoads } from "./checks/health";
import { monitoringWorks } from "./checks/monitoring";
import { servicesRun } from "./checks/services";
import { Site } from "./checks/site";
import { ExitCode, UserError } from "./errors";
import { main } from "./main";
import { readStack } from "./stack";
import { table } from "./table";

/**
 * `npm run health-check -- -s STACK`: the same checks before and after a
 * deploy, at the stack's own address and by its names, wherever DNS points.
 */
main(async () => {
	const { values } = parseArgs({
		options: { stack: { type: "string", short: "s" } },
	});
	if (!values.stack) {
		throw new UserError({
			expected: "the stack to look at",
			found: "no -s",
			fix: "npm run health-check -- -s staging",
		});
	}
	const { outputs, config } = await readStack(values.stack);
	const site = new Site(values.stack, outputs, config);
	const results = await runChecks([
		servicesRun(site),
		backendHealthy(site),
		siteLoads(site),
		...monitoringWorks(site),
	]);
	process.stdout.write(`${table(results)}\n`);
	if (results.some(({ status }) => status === "failed")) {
		process.exitCode = ExitCode.failure;
	}
});
