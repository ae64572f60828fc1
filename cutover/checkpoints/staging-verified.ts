import { namesPointTo } from "../checks/completion";
import { backendHealthy, prometheusScrapes, siteLoads } from "../checks/health";
import { logsReadable } from "../checks/logs";
import { dryRun } from "../checks/readiness";
import { releaseDeployed, rollbackTested } from "../checks/release";
import { servicesLimited, servicesRun } from "../checks/services";
import { usersDryRun } from "../checks/users";
import type { Checkpoint } from "./checkpoint";

/** On staging; opens `sync` on production. */
export const stagingVerified: Checkpoint = {
	checks: (site) => [
		releaseDeployed(site),
		servicesRun(site),
		servicesLimited(site),
		logsReadable(site),
		backendHealthy(site),
		siteLoads(site),
		prometheusScrapes(site),
		dryRun(site),
		usersDryRun(site),
		rollbackTested(site),
		namesPointTo(
			site,
			site.outputs.flags.dnsSwitch
				? site.outputs.reservedIp
				: site.outputs.legacyAddress,
		),
	],
	questions: () => [
		{
			id: "tried-by-hand",
			text: "Has somebody used the product on staging and found it to be what users know?",
		},
	],
};
