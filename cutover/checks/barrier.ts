import type { Check } from "../check";
import { barrierStands, barrierState } from "../gate";
import type { Site } from "./site";

/** The old system still takes no write, and none has got past its barrier. */
export function sourceClosed(site: Site): Check {
	return {
		name: "source stays closed",
		lookAt:
			"the alert WriteAfterFreeze, and npm run migrate -- freeze --state: a write there since is in neither copy",
		async run() {
			const { result } = await site.migrate("freeze", "--state");
			return barrierStands(barrierState.parse(result)).run();
		},
	};
}
