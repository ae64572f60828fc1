import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import type { Hostnames } from "../caddy/caddyfile";
import type { Settings } from "./settings";

export interface UptimeArgs {
	stack: string;
	settings: Settings;
	hostnames: Hostnames;
	/** The records, which the checks go by. */
	dependsOn: pulumi.Resource[];
}

/** Two continents: what only one of them cannot reach is no outage of ours. */
const regions = ["us_east", "eu_west"];

/** What DigitalOcean asks and whom it tells; its values are of the alert API. */
const alerts = {
	// "down" would tell of one region alone.
	down: { type: "down_global", period: "2m" },
	slow: {
		...{ type: "latency", comparison: "greater_than" },
		...{ threshold: 3_000, period: "5m" },
	},
	certificate: {
		...{ type: "ssl_expiry", comparison: "less_than" },
		...{ threshold: 14, period: "1h" },
	},
} as const;

/**
 * The watch from outside, by DigitalOcean's uptime checks: it goes on where the machine
 * with Prometheus and the status page is gone. It asks by the public names, of which the
 * old system has the site alone: the others are asked from the switch on.
 *
 * Alerts go by mail to the operators; DigitalOcean sends to addresses alone that are
 * verified in its account.
 */
export class Uptime extends pulumi.ComponentResource {
	readonly checks: digitalocean.UptimeCheck[];

	constructor(
		name: string,
		{ stack, settings, hostnames, dependsOn }: UptimeArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Uptime", name, {}, opts);
		const targets = {
			site: `https://${hostnames.site}/`,
			api: `https://${hostnames.api}/health`,
			status: `https://${hostnames.status}/`,
		};
		const emails = settings.alerts?.to ?? [];
		this.checks = Object.entries(targets).map(([what, target]) => {
			const check = new digitalocean.UptimeCheck(
				`${name}-${what}`,
				{
					...{ name: `${stack}-${what}`, target, regions },
					type: "https",
					enabled: what === "site" || settings.dnsSwitch,
				},
				{ parent: this, dependsOn },
			);
			if (emails.length > 0)
				for (const [kind, alert] of Object.entries(alerts))
					new digitalocean.UptimeAlert(
						`${name}-${what}-${kind}`,
						{
							...alert,
							name: `${stack}-${what}-${kind}`,
							checkId: check.id,
							notifications: [{ emails }],
						},
						{ parent: this, deletedWith: check },
					);
			return check;
		});
		this.registerOutputs({});
	}
}
