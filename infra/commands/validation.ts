import { local, remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { connection, secretJson, within } from "../remote";
import type { Server } from "../server";
import { versionOf } from "../services/backend";
import type { Service } from "../services/service";
import type { Settings } from "../settings";

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
 * there. Runs again whenever a service changes.
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
		const expected = services.map(({ service, replicas, image }) =>
			service.name.apply((label) => `${label} ${replicas} ${image}\n`),
		);
		const running = new remote.Command(
			`${name}-deploy`,
			{
				connection: connection(manager.ssh),
				create: validateScript,
				stdin: pulumi.all(expected).apply((lines) => lines.join("")),
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

/** Standard input: "name replicas image" a line. Waits up to two minutes each. */
const validateScript = `failed=0
while read -r name replicas image; do
	for attempt in $(seq 120); do
		running=$(docker service ls --filter "name=$name" --format '{{.Name}} {{.Replicas}}' | grep -x "$name $replicas/$replicas.*" || true)
		[ -n "$running" ] && break
		sleep 1
	done
	spec=$(docker service inspect --format '{{.Spec.TaskTemplate.ContainerSpec.Image}} {{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}' "$name")
	case "$running|$spec" in
	'|'*) echo "$name: expected $replicas healthy tasks; docker service ps $name" >&2; failed=1 ;;
	*rollback*|*paused*) echo "$name: the update was rolled back; docker service ps $name" >&2; failed=1 ;;
	*"|$image "*|*"|$image@"*) echo "$running $spec" ;;
	*) echo "$name: expected image $image, found $spec" >&2; failed=1 ;;
	esac
done
exit $failed`;
