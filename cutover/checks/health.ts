import { type Check, expect } from "../check";
import { waitFor } from "../wait";
import type { Place, Site } from "./site";

/**
 * GET /health on the API's name at the new address says healthy.
 *
 * @param timeoutMs how long to wait for a backend that still starts.
 * @param closed whether the database takes no writes, after a return: scheduled jobs
 *   then fail, and a backend that is degraded by nothing else is as well as can be.
 */
export function backendHealthy(
	site: Place,
	timeoutMs = 30_000,
	closed: Promise<boolean> = Promise.resolve(false),
): Check {
	return {
		name: "/health says healthy",
		lookAt: "docker service logs backend on the Droplet",
		async run() {
			const degraded = (await closed) ? "degraded" : undefined;
			return waitFor(
				"/health healthy",
				async () => {
					const answer = await site.ask("api", "/health");
					const body = JSON.parse(answer.body) as {
						status: string;
						version: string;
						checks: { database: { status: string; latency_ms: number } };
					};
					expect(
						answer.status === 200 &&
							["healthy", degraded].includes(body.status),
						`${answer.status} ${answer.body.slice(0, 300)}`,
					);
					const still =
						body.status === degraded
							? "degraded until the database is open again, "
							: "";
					return `${still}version ${body.version}, database in ${body.checks.database.latency_ms} ms`;
				},
				{ timeoutMs, intervalMs: 500 },
			);
		},
	};
}

/** The site's page loads by name at the new address, over verified TLS. */
export function siteLoads(site: Site): Check {
	return {
		name: "site loads over HTTPS at the new address",
		lookAt: "docker service logs caddy on the Droplet",
		async run() {
			const answer = await site.ask("site", "/");
			expect(answer.status === 200, `answered ${answer.status}`);
			expect(/<html/i.test(answer.body), "the answer is no HTML page");
			return `200, ${answer.body.length} bytes`;
		},
	};
}
