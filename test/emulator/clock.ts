/**
 * The account's clock. Timestamps in answers come from here, so that a
 * rehearsal can move time forward without waiting for it.
 */
export class Clock {
	offsetSeconds = 0;

	now(): Date {
		return new Date(Date.now() + this.offsetSeconds * 1000);
	}

	/** RFC 3339 without fractions, as DigitalOcean prints it. */
	timestamp(): string {
		return this.now()
			.toISOString()
			.replace(/\.\d{3}Z$/, "Z");
	}
}
