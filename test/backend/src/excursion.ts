/** What a unit allows, in degrees of its own temperature unit. */
export interface Limits {
	high: number;
	low: number;
	/** How far inside the limits a reading must be before the excursion is over. */
	hysteresis: number;
	/** How long an excursion lasts before it becomes critical. */
	confirmMinutes: number;
}

/** The open temperature alert of the excursion that the unit is in. */
export interface OpenAlert {
	id: string;
	severity: "info" | "warning" | "critical";
	triggeredAt: Date;
}

/** What to do about a reading. */
export type Decision =
	| { action: "none" }
	| { action: "raise"; limit: number; violated: "max" | "min" }
	| { action: "escalate" }
	| { action: "resolve" };

/**
 * Holds a reading against its unit's limits. One outside raises an alert at
 * once, as a warning; one that is still outside after `confirmMinutes` makes it
 * critical; only one inside by `hysteresis` ends it, so that a unit at its limit
 * does not raise an alert a minute.
 */
export function decide(
	temperature: number,
	at: Date,
	limits: Limits,
	open: OpenAlert | undefined,
): Decision {
	const violated = violation(temperature, limits);
	if (violated === undefined) {
		return open !== undefined && insideByHysteresis(temperature, limits)
			? { action: "resolve" }
			: { action: "none" };
	}
	if (open === undefined) {
		return { action: "raise", ...violated };
	}
	const minutes = (at.getTime() - open.triggeredAt.getTime()) / 60_000;
	return open.severity !== "critical" && minutes >= limits.confirmMinutes
		? { action: "escalate" }
		: { action: "none" };
}

function violation(
	temperature: number,
	{ high, low }: Limits,
): { limit: number; violated: "max" | "min" } | undefined {
	if (temperature > high) {
		return { limit: high, violated: "max" };
	}
	return temperature < low ? { limit: low, violated: "min" } : undefined;
}

function insideByHysteresis(
	temperature: number,
	{ high, low, hysteresis }: Limits,
): boolean {
	if (high - low <= 2 * hysteresis) {
		// The band is narrower than the hysteresis asks: inside is as good as it gets.
		return true;
	}
	return temperature <= high - hysteresis && temperature >= low + hysteresis;
}
