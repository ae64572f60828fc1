import { certificatesValid } from "../checks/certificates";
import { backendHealthy } from "../checks/health";
import { logsReadable } from "../checks/logs";
import { monitoringWorks, noCriticalAlert } from "../checks/monitoring";
import {
	contactsNamed,
	databasesReachable,
	dropletReady,
	noticeSent,
	stackAuthReachable,
	ttlLowered,
} from "../checks/readiness";
import { releaseDeployed, signedBefore } from "../checks/release";
import { secretsPresent, servicesRun } from "../checks/services";
import { uplinksKept } from "../checks/uplinks";
import type { Checkpoint } from "./checkpoint";

/** On production, within a day of the switch; opens `freeze` and `dnsSwitch`. */
export const productionReady: Checkpoint = {
	checks: (site) => {
		const { verifiedOn, ttn } = site.config;
		return [
			releaseDeployed(site),
			...(verifiedOn
				? [signedBefore(site, "staging-verified", verifiedOn)]
				: []),
			dropletReady(site),
			servicesRun(site),
			logsReadable(site),
			backendHealthy(site),
			...monitoringWorks(site),
			noCriticalAlert(site),
			databasesReachable(site),
			secretsPresent(site),
			stackAuthReachable(site),
			certificatesValid(site),
			ttlLowered(site),
			...(ttn ? [uplinksKept(site)] : []),
			noticeSent(site),
			contactsNamed(site),
		];
	},
	questions: () => [
		{
			id: "support-told",
			text: "Does support know when it begins, what users will see, and whom to call?",
		},
		{
			id: "contacts-reachable",
			text: "Have the named contacts agreed to be reachable until stabilized is signed?",
		},
		{
			id: "rollback-criteria",
			text: "Is it written down what calls for a return (more than 5 % errors, more than 10 % failed log-ins, readings missing), and who decides?",
		},
	],
};
