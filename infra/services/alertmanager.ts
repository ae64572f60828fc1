import * as pulumi from "@pulumi/pulumi";
import type { Secrets } from "../secrets";
import type { Swarm } from "../swarm";
import { httpGet, Service } from "./service";

export interface AlertmanagerArgs {
	swarm: Swarm;
	secrets: Secrets;
	image: string;
	/** Host name under which people see it, for links in mails. */
	hostname: string;
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
				image: args.image,
				args: [
					"--config.file=/run/secrets/alertmanager.yml",
					`--storage.path=${data}`,
					`--web.external-url=https://${args.hostname}/alertmanager/`,
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
