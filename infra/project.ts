import * as digitalocean from "@pulumi/digitalocean";
import type * as pulumi from "@pulumi/pulumi";

export interface ProjectArgs {
	stack: string;
	/** "do:droplet:…" and so on. A change moves resources, at no cost. */
	urns: pulumi.Input<string>[];
}

/** DigitalOcean's folder for what this stack owns, to find and to bill it. */
export function project(
	name: string,
	{ stack, urns }: ProjectArgs,
): digitalocean.Project {
	return new digitalocean.Project(name, {
		name: `cutover-${stack}`,
		description: "Made by Pulumi; change it there.",
		purpose: "Web Application",
		environment: stack === "production" ? "Production" : "Staging",
		resources: urns,
	});
}
