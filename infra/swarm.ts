import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { dockerHost } from "./docker-host";
import { within } from "./remote";
import type { Server } from "./server";

export interface SwarmArgs {
	stack: string;
	server: Server;
}

/**
 * The Swarm as services see it: the provider that reaches its manager and the
 * network they share. A change of the network replaces it and every service.
 */
export class Swarm extends pulumi.ComponentResource {
	readonly server: Server;
	readonly network: docker.Network;
	/**
	 * Options of everything inside the Swarm. Nothing in it is deleted one by one
	 * when its machine goes.
	 */
	readonly inside: Pick<
		pulumi.CustomResourceOptions,
		"provider" | "deletedWith" | "replaceWith" | "dependsOn"
	>;

	constructor(
		name: string,
		args: SwarmArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Swarm", name, {}, opts);
		const { server } = args;
		this.server = server;
		this.inside = {
			provider: dockerHost(`${name}-host`, args.stack, server, {
				parent: this,
			}),
			...within(server.manager.droplet),
			dependsOn: [server.engine, ...server.joined],
		};
		this.network = new docker.Network(
			`${name}-network`,
			{
				name: "cutover",
				driver: "overlay",
				// The migration's containers are no services and may join.
				attachable: true,
			},
			{ parent: this, ...this.inside },
		);
		this.registerOutputs({});
	}
}
