import * as pulumi from "@pulumi/pulumi";
import type { Swarm } from "../swarm";
import { httpGet, Service } from "./service";

export interface FrontendArgs {
	swarm: Swarm;
	image: string;
	/** Host name of the API, for the pages that call it. */
	apiHostname: string;
}

/** The single-page application and the status page. */
export class Frontend extends pulumi.ComponentResource {
	readonly service: Service;

	constructor(
		name: string,
		args: FrontendArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Frontend", name, {}, opts);
		this.service = new Service(
			name,
			{
				swarm: args.swarm,
				hostname: "frontend",
				image: args.image,
				environment: { API_URL: `https://${args.apiHostname}` },
				replicas: 2,
				limits: { cpus: 0.5, memoryMb: 256 },
				healthCheck: httpGet(80, "/"),
			},
			{ parent: this },
		);
		this.registerOutputs({});
	}
}
