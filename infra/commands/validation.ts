import { readFileSync } from "node:fs";
import { join } from "node:path";
import { local, remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { connection, secretJson, within } from "../remote";
import type { Server } from "../server";
import { versionOf } from "../services/backend";
import type { Service } from "../services/service";
import type { Settings } from "../settings";

const script = readFileSync(join(__dirname, "validate-services.sh"), "utf8");

export interface ValidationArgs {
	server: Server;
	settings: Settings;
	services: { service: Service }[];
	/** Reserved IP and host name that are asked. */
	address: pulumi.Output<string>;
	apiHostname: string;
}

/**
 * Proof that what was deployed runs: every service at its wanted number of
 * healthy tasks, on the image just deployed and not rolled back; then /health
 * by host name at the new address, over verified TLS, before any name leads
 * there. Runs again whenever a service changes. A service that does not get
 * there is told with its failing tasks and the end of their log, as soon as the
 * Swarm has rolled it back.
 */
export class Validation extends pulumi.ComponentResource {
	readonly healthy: pulumi.Resource;

	constructor(
		name: string,
		args: ValidationArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Validation", name, {}, opts);
		const { manager } = args.server;
		const services = args.services.map(({ service }) => service);
		const deployed = services.map(({ fingerprint }) => fingerprint);
		const expected = services.map(({ service, tasks, image }) =>
			service.name.apply((label) => `${label} ${tasks} ${image}`),
		);
		const running = new remote.Command(
			`${name}-deploy`,
			{
				connection: connection(manager.ssh),
				// The script goes in by standard input: a failed command is printed
				// whole, and before what it found.
				create: "sh -s",
				stdin: pulumi
					.all(expected)
					.apply((lines) => `services='${lines.join("\n")}'\n${script}`),
				triggers: deployed,
				addPreviousOutputInEnv: false,
			},
			{
				parent: this,
				dependsOn: services.map(({ service }) => service),
				...within(manager.droplet),
			},
		);
		this.healthy = new local.Command(
			`${name}-health`,
			{
				create: "node --import tsx cutover/health-by-name.ts",
				stdin: secretJson({
					address: args.address,
					hostname: args.apiHostname,
					version: versionOf(args.settings.images.backend),
				}),
				triggers: deployed,
				addPreviousOutputInEnv: false,
			},
			{
				parent: this,
				dependsOn: [running, args.server.addressAssigned],
			},
		);
		this.registerOutputs({});
	}
}
