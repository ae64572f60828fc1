import { type Check, expect } from "../check";
import { waitFor } from "../wait";
import { type Credentials, logIn, userSeesHistory } from "./completion";
import type { Site } from "./site";

/**
 * A user of the old system whom the checks log in as. The password comes by the
 * environment, because arguments and files outlive a check.
 *
 * @throws Error saying what to export.
 */
export function testUser(): Credentials {
	const { CUTOVER_TEST_EMAIL: email, CUTOVER_TEST_PASSWORD: password } =
		process.env;
	expect(
		email && password,
		"no user to log in as: export CUTOVER_TEST_EMAIL and CUTOVER_TEST_PASSWORD, of a user who was moved",
	);
	return { email, password };
}

/** The test user logs in with the old password and sees readings. */
export function testUserSeesHistory(site: Site): Check {
	return {
		...userSeesHistory(site, { email: "", password: "" }),
		run: () => userSeesHistory(site, testUser()).run(),
	};
}

/** The new system has raised an alert, and the test user sees alerts. */
export function alertRaised(site: Site): Check {
	return {
		name: "a test alert was raised",
		lookAt:
			"let a sensor send a reading beyond its limit; alert_rules in the database, docker service logs backend",
		async run() {
			const raised = await waitFor(
				"an alert counted by Prometheus",
				async () =>
					(
						await site.query("sum(max_over_time(alerts_triggered_total[1d]))")
					).find((count) => count > 0),
				{ timeoutMs: 60_000, intervalMs: 1_000 },
			);
			const token = await logIn(site, testUser());
			const answer = await site.ask("api", "/api/alerts", {
				headers: { authorization: `Bearer ${token}` },
			});
			expect(answer.status === 200, `/api/alerts answered ${answer.status}`);
			const { alerts } = JSON.parse(answer.body) as { alerts: unknown[] };
			expect(alerts.length > 0, "the user sees no alert");
			return `${raised} raised, the user sees ${alerts.length}`;
		},
	};
}
