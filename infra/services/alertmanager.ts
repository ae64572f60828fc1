import * as pulumi from "@pulumi/pulumi";
import type { Hostnames } from "../../caddy/caddyfile";
import type { Secrets } from "../secrets";
import type { Settings } from "../settings";
import type { Swarm } from "../swarm";
import { httpGet, Service } from "./service";

export interface AlertmanagerArgs {
	swarm: Swarm;
	secrets: Secrets;
	settings: Settings;
	hostnames: Hostnames;
}

const data = "/alertmanager";

/**
 * Groups alerts, keeps silences on the manager's disk, and sends mails. Its whole
 * configuration is a secret: it holds the mail server's log-in. One task; while an
 * update replaces it, Prometheus sends again.
 */
export class Alertmanager extends pulumi.ComponentResource {
	readonly service: Service;

	constructor(
		name: string,
		args: AlertmanagerArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Alertmanager", name, {}, opts);
		this.service = new Service(
			name,
			{
				swarm: args.swarm,
				hostname: "alertmanager",
				image: args.settings.images.alertmanager,
				args: [
					"--config.file=/run/secrets/alertmanager.yml",
					`--storage.path=${data}`,
					`--web.external-url=https://${args.hostnames.monitoring}/alertmanager/`,
					"--web.route-prefix=/",
					// No second one to agree with.
					"--cluster.listen-address=",
				],
				secrets: args.secrets.alertmanager,
				mounts: [{ type: "volume", source: "alertmanager", target: data }],
				onManager: true,
				exclusive: true,
				limits: { cpus: 0.1, memoryMb: 128 },
				healthCheck: httpGet(9093, "/-/ready"),
			},
			{ parent: this },
		);
		this.registerOutputs({});
	}
}
