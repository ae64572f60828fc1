import { type Check, expect } from "../check";
import { addressRecords, allPointTo } from "../dns";
import { http } from "../http";
import { waitFor } from "../wait";
import type { Site } from "./site";

/** Every name answers one address, and only it, at the zone's own servers. */
export function namesPointTo(site: Site, address: string): Check {
	return {
		name: `every name answers ${address}`,
		lookAt: "dig at the zone's name servers",
		run: () =>
			waitFor(
				`every name at ${address}`,
				async () => {
					const answers = await addressRecords(
						site.outputs.domain,
						Object.values(site.outputs.hostnames),
					);
					expect(
						allPointTo(answers, address),
						answers
							.map(({ name, addresses }) => `${name} → ${addresses.join(" ")}`)
							.join(", "),
					);
					return answers.map(({ name }) => name).join(", ");
				},
				{ timeoutMs: 60_000 },
			),
	};
}

/** The site loads at the address that its name resolves to, not a given one. */
export function siteLoadsByName(site: Site): Check {
	return {
		name: "https://<domain> loads through the resolved name",
		lookAt: "caddy and the A records",
		async run() {
			const { domain } = site.outputs;
			const [answer] = await addressRecords(domain, [domain]);
			const address = answer?.addresses[0] ?? "";
			const page = await site.ask("site", "/", { address });
			expect(page.status === 200, `answered ${page.status}`);
			expect(
				address === site.outputs.reservedIp,
				`the name still answers ${address}`,
			);
			return `200 from ${address}`;
		},
	};
}

export interface Credentials {
	email: string;
	password: string;
}

/** A migrated user logs in with the old password and sees readings. */
export function userSeesHistory(site: Site, user: Credentials): Check {
	return {
		name: "a migrated user logs in and sees history",
		lookAt: "docker service logs backend, and the users step of the migration",
		async run() {
			const token = await logIn(site, user);
			const headers = { authorization: `Bearer ${token}` };
			const units = await site.ask("api", "/api/units", { headers });
			expect(units.status === 200, `/api/units answered ${units.status}`);
			const [first] = (JSON.parse(units.body) as { units: { id: string }[] })
				.units;
			expect(first, "the user sees no unit");
			const readings = await site.ask(
				"api",
				`/api/units/${first.id}/readings?limit=100`,
				{ headers },
			);
			const list = (JSON.parse(readings.body) as { readings: unknown[] })
				.readings;
			expect(list.length > 0, "the unit shows no reading");
			return `${list.length} readings of one unit`;
		},
	};
}

/** A user whose hash could not come along is asked to reset, not refused. */
export function resetIsOffered(site: Site, user: Credentials): Check {
	return {
		name: "a user without carried hash is offered a reset",
		lookAt: "docker service logs backend",
		async run() {
			const answer = await site.ask("api", "/api/auth/login", { json: user });
			expect(
				answer.status === 409 &&
					answer.body.includes("PASSWORD_RESET_REQUIRED"),
				`answered ${answer.status}`,
			);
			return "409 PASSWORD_RESET_REQUIRED";
		},
	};
}

/** Logs in at the new system; gives the session's token. */
export async function logIn(site: Site, user: Credentials): Promise<string> {
	const answer = await site.ask("api", "/api/auth/login", { json: user });
	expect(answer.status === 200, `log-in answered ${answer.status}`);
	return (JSON.parse(answer.body) as { accessToken: string }).accessToken;
}

/** Sends one uplink as TTN does; gives status and body of the webhook's answer. */
export type SendUplink = (
	celsius: number,
) => Promise<{ status: number; body: string }>;

/** An uplink reaches the new system through the webhook TTN holds. */
export function uplinkArrives(site: Site, send: SendUplink): Check {
	return {
		name: "an uplink from TTN arrives",
		lookAt: "the application's webhooks at TTN, docker service logs backend",
		async run() {
			const answer = await send(3.5);
			expect(
				answer.status === 200,
				`the webhook answered ${answer.status} ${answer.body.slice(0, 200)}`,
			);
			const { readingId } = JSON.parse(answer.body) as { readingId?: string };
			expect(readingId, `no reading in ${answer.body.slice(0, 200)}`);
			return `reading ${readingId} at ${site.outputs.hostnames.api}`;
		},
	};
}

/** A reading far too warm triggers an alert that a logged-in user sees. */
export function alertFires(
	site: Site,
	send: SendUplink,
	user: Credentials,
): Check {
	return {
		name: "a test alert fires",
		lookAt: "alert_rules in the database, docker service logs backend",
		async run() {
			const answer = await send(48);
			const { alertsTriggered } = JSON.parse(answer.body) as {
				alertsTriggered?: number;
			};
			expect(
				answer.status === 200 && (alertsTriggered ?? 0) > 0,
				`the webhook answered ${answer.status} ${answer.body.slice(0, 200)}`,
			);
			const token = await logIn(site, user);
			const alerts = await site.ask("api", "/api/alerts", {
				headers: { authorization: `Bearer ${token}` },
			});
			expect(alerts.status === 200, `/api/alerts answered ${alerts.status}`);
			return `${alertsTriggered} triggered`;
		},
	};
}

/** Plain HTTP is sent on to HTTPS. */
export function redirectsToHttps(site: Site): Check {
	return {
		name: "HTTP redirects to HTTPS",
		lookAt: "caddy/",
		async run() {
			const { domain, reservedIp } = site.outputs;
			const answer = await http(`http://${domain}/`, { address: reservedIp });
			expect(
				answer.status >= 301 && answer.status <= 308,
				`answered ${answer.status}`,
			);
			return `${answer.status} to ${answer.headers.location}`;
		},
	};
}
