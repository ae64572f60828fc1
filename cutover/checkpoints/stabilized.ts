import { namesPointTo } from "../checks/completion";
import { logsReadable } from "../checks/logs";
import { monitoringWorks, noCriticalAlert } from "../checks/monitoring";
import { releaseDeployed, signedBefore } from "../checks/release";
import { servicesRun } from "../checks/services";
import {
	confirmationSent,
	errorRate,
	loginSuccess,
	readingsAccumulate,
	rowCounts,
	scheduledJobs,
} from "../checks/stabilization";
import { testUserSeesHistory } from "../checks/test-user";
import type { Checkpoint } from "./checkpoint";

/** On production, a day after the switch; opens `finalize`, behind which a return is a restore. */
export const stabilized: Checkpoint = {
	checks: (site) => [
		releaseDeployed(site),
		signedBefore(site, "cutover-complete", site.stack, 24),
		testUserSeesHistory(site),
		readingsAccumulate(site),
		errorRate(site),
		loginSuccess(site),
		rowCounts(site),
		scheduledJobs(site),
		confirmationSent(site),
		namesPointTo(site, site.outputs.reservedIp),
		servicesRun(site),
		logsReadable(site),
		...monitoringWorks(site),
		noCriticalAlert(site),
	],
	questions: () => [
		{
			id: "support-quiet",
			text: "Is nothing open at support that would call for a return?",
		},
		{
			id: "confirmation-arrived",
			text: "Has the confirmation arrived in the mailbox of somebody it was sent to?",
		},
	],
};
