import type { Check } from "../check";
import type { Site } from "../checks/site";

/** What only a person can know. */
export interface Question {
	/** Its key in a file of answers. */
	id: string;
	/** To be answered with yes. */
	text: string;
}

/** What has to hold before a person may sign. */
export interface Checkpoint {
	/** Run side by side. */
	checks(site: Site): Check[];
	questions(site: Site): Question[];
}
