import * as pulumi from "@pulumi/pulumi";
import type { Hostnames } from "../../caddy/caddyfile";
import {
	authoritiesFile,
	blackboxFile,
} from "../../observability/prometheus/blackbox";
import type { Settings } from "../settings";
import type { Swarm } from "../swarm";
import { configFile, httpGet, Service } from "./service";

export interface BlackboxArgs {
	swarm: Swarm;
	settings: Settings;
	hostnames: Hostnames;
	/** The reserved IP: what the names answer after the switch. */
	address: pulumi.Input<string>;
}

const file = "/etc/blackbox_exporter/config.yml";

/** Asks the site, the API and the name servers as users do, for Prometheus. */
export class Blackbox extends pulumi.ComponentResource {
	readonly service: Service;

	constructor(
		name: string,
		args: BlackboxArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Blackbox", name, {}, opts);
		const { swarm, hostnames } = args;
		const { acmeCa, images } = args.settings;
		const text = pulumi
			.output(args.address)
			.apply((address) => blackboxFile(hostnames, address, Boolean(acmeCa)));
		const config = (label: string, content: pulumi.Input<string>) =>
			configFile(`${name}-${label}`, content, swarm, this);
		this.service = new Service(
			name,
			{
				swarm,
				hostname: "blackbox",
				image: images.blackbox,
				args: [`--config.file=${file}`],
				configs: {
					[file]: config("config", text),
					...(acmeCa ? { [authoritiesFile]: config("acme-ca", acmeCa) } : {}),
				},
				limits: { cpus: 0.1, memoryMb: 128 },
				healthCheck: httpGet(9115, "/-/healthy"),
			},
			{ parent: this },
		);
		this.registerOutputs({});
	}
}
