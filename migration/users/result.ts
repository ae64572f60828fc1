import type { UserState } from "./map";
import type { RemarkCount } from "./remarks";

export interface UsersResult {
	readonly total: number;
	/** Made by this run, or found after a lost answer. */
	readonly moved: number;
	/** Moved before and changed since. */
	readonly updated: number;
	/** In the map already and the same as then: nothing done. */
	readonly alreadyMoved: number;
	/** Removed from the source since they moved: log-in off. */
	readonly shutOut: number;
	readonly withHash: number;
	readonly passwordReset: number;
	readonly skipped: Readonly<Record<string, number>>;
	readonly conflicts: readonly UserConflict[];
	/** What a person should know, with how many it concerns. */
	readonly remarks: readonly RemarkCount[];
	/** Users of the map by state, after the run. */
	readonly states: Partial<Record<UserState, number>>;
}

export interface UserConflict {
	/** The old one. */
	readonly id: string;
	readonly reason: string;
}
