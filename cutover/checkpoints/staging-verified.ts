import { namesPointTo } from "../checks/completion";
import { backendHealthy, siteLoads } from "../checks/health";
import { logsReadable } from "../checks/logs";
import { monitoringWorks } from "../checks/monitoring";
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
		...monitoringWorks(site),
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
