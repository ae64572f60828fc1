import * as pulumi from "@pulumi/pulumi";
import type { Hostnames } from "../../caddy/caddyfile";
import { grafanaFiles } from "../../observability/grafana";
import type { Secrets } from "../secrets";
import type { Settings } from "../settings";
import type { Swarm } from "../swarm";
import { configFiles, httpGet, Service } from "./service";

export interface GrafanaArgs {
	swarm: Swarm;
	secrets: Secrets;
	settings: Settings;
	hostnames: Hostnames;
}

const passwordFile = "monitoring-password";

/**
 * Dashboards. All of them come from files; only what happened, as annotations, is in
 * its own database on the manager's disk. Its administrator is the log-in that Caddy
 * asks for, so one is enough. Grafana takes the password at the first start of that
 * database only: a new one needs a new volume, or `grafana cli admin
 * reset-admin-password` in the container.
 */
export class Grafana extends pulumi.ComponentResource {
	readonly service: Service;

	constructor(
		name: string,
		args: GrafanaArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Grafana", name, {}, opts);
		const { swarm, secrets, settings, hostnames } = args;
		this.service = new Service(
			name,
			{
				swarm,
				hostname: "grafana",
				image: settings.images.grafana,
				environment: {
					GF_SERVER_ROOT_URL: `https://${hostnames.monitoring}/`,
					GF_SECURITY_ADMIN_USER: secrets.monitoring.user,
					GF_SECURITY_ADMIN_PASSWORD__FILE: `/run/secrets/${passwordFile}`,
					GF_AUTH_ANONYMOUS_ENABLED: "false",
					GF_USERS_ALLOW_SIGN_UP: "false",
					// Nothing of it calls out: no usage reports, updates, news, avatars, plug-ins.
					GF_ANALYTICS_REPORTING_ENABLED: "false",
					GF_ANALYTICS_CHECK_FOR_UPDATES: "false",
					GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: "false",
					GF_NEWS_NEWS_FEED_ENABLED: "false",
					GF_SECURITY_DISABLE_GRAVATAR: "true",
					GF_SNAPSHOTS_EXTERNAL_ENABLED: "false",
					GF_PLUGINS_PREINSTALL_DISABLED: "true",
				},
				secrets: { [passwordFile]: secrets.monitoringPassword },
				configs: configFiles(name, grafanaFiles(), swarm, this),
				mounts: [
					{ type: "volume", source: "grafana", target: "/var/lib/grafana" },
				],
				onManager: true,
				exclusive: true,
				limits: { cpus: 0.5, memoryMb: 256 },
				healthCheck: httpGet(3000, "/api/health"),
				// The first start makes its database.
				startPeriod: "2m",
			},
			{ parent: this },
		);
		this.registerOutputs({});
	}
}
