import { sourceClosed } from "../checks/barrier";
import {
	namesPointTo,
	redirectsToHttps,
	siteLoadsByName,
} from "../checks/completion";
import { backendHealthy } from "../checks/health";
import { logsReadable } from "../checks/logs";
import { monitoringWorks, noCriticalAlert } from "../checks/monitoring";
import { releaseDeployed } from "../checks/release";
import { servicesRun } from "../checks/services";
import { readingsAccumulate } from "../checks/stabilization";
import { alertRaised, testUserSeesHistory } from "../checks/test-user";
import { manualRepoints, uplinksCarriedOver } from "../checks/uplinks";
import type { Checkpoint } from "./checkpoint";

/** On production, when the names have moved. */
export const cutoverComplete: Checkpoint = {
	checks: (site) => [
		releaseDeployed(site),
		namesPointTo(site, site.outputs.reservedIp),
		siteLoadsByName(site),
		redirectsToHttps(site),
		testUserSeesHistory(site),
		readingsAccumulate(site),
		...(site.config.ttn ? [uplinksCarriedOver(site)] : []),
		sourceClosed(site),
		alertRaised(site),
		servicesRun(site),
		logsReadable(site),
		...monitoringWorks(site),
		noCriticalAlert(site),
		backendHealthy(site),
	],
	questions: (site) => [
		...manualRepoints(site).map((provider) => ({
			id: `repointed-${provider.toLowerCase()}`,
			text: `Do the webhooks of ${provider} lead to ${site.outputs.hostnames.api}, and has one arrived?`,
		})),
		{
			id: "tried-by-hand",
			text: "Has somebody logged in from outside and found site, history, alerts and new readings as users know them?",
		},
	],
};
