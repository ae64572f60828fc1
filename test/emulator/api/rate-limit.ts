/** https://docs.digitalocean.com/reference/api/reference/rate-limiting/: 5,000 an hour. */
const perHour = 5000;
const hourMs = 3_600_000;

/**
 * The rate limit as headers. The emulator counts but does not refuse: a 429 is
 * had on demand through the control endpoint.
 */
export class RateLimit {
	#used = 0;
	#resetAt = Date.now() + hourMs;

	/** Counts one request and gives its headers. */
	count(): Record<string, string> {
		if (Date.now() >= this.#resetAt) {
			this.#used = 0;
			this.#resetAt = Date.now() + hourMs;
		}
		this.#used += 1;
		return {
			"RateLimit-Limit": String(perHour),
			"RateLimit-Remaining": String(Math.max(0, perHour - this.#used)),
			"RateLimit-Reset": String(Math.ceil(this.#resetAt / 1000)),
		};
	}
}
