import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { connection, nothing, secretJson, within } from "./remote";
import type { Server } from "./server";

/**
 * Joins every worker to the manager's Swarm and waits until the manager counts
 * it as ready. A worker that is taken away is removed from the manager's list.
 *
 * @returns what to wait for before replicas can spread.
 */
export function joinSwarm(
	name: string,
	server: Pick<Server, "manager" | "workers" | "engine">,
	own: pulumi.CustomResourceOptions,
): pulumi.Resource[] {
	const { manager, workers, engine } = server;
	if (workers.length === 0) return [];
	const token = new remote.Command(
		`${name}-join-token`,
		{
			connection: connection(manager.ssh),
			create: "docker swarm join-token -q worker",
			logging: "none",
			addPreviousOutputInEnv: false,
		},
		{
			...own,
			dependsOn: [engine],
			...within(manager.droplet),
			additionalSecretOutputs: ["stdout"],
		},
	);
	return workers.map((worker, index) => {
		const number = index + 2;
		const joined = new remote.Command(
			`${name}-join-${number}`,
			{
				connection: connection(worker.ssh),
				create: joinScript,
				update: nothing,
				// `docker swarm join` takes the token as an argument only; the
				// engine's API takes it in a body.
				stdin: secretJson({
					ListenAddr: "eth1:2377",
					AdvertiseAddr: "eth1",
					RemoteAddrs: [
						pulumi.interpolate`${manager.droplet.ipv4AddressPrivate}:2377`,
					],
					JoinToken: token.stdout.apply((text) => text.trim()),
				}),
				addPreviousOutputInEnv: false,
			},
			{ ...own, ...within(worker.droplet), dependsOn: [token] },
		);
		return new remote.Command(
			`${name}-node-${number}`,
			{
				connection: connection(manager.ssh),
				create: pulumi.interpolate`for attempt in $(seq 60); do docker node ls --format '{{.Hostname}} {{.Status}}' | grep -qx '${worker.droplet.name} Ready' && exit 0; sleep 1; done; echo 'the worker ${worker.droplet.name} is not ready in the Swarm after 60 s: docker node ls' >&2; exit 1`,
				update: nothing,
				delete: worker.droplet.name.apply(leaveScript),
				addPreviousOutputInEnv: false,
			},
			{ ...own, ...within(manager.droplet), dependsOn: [joined] },
		);
	});
}

const joinScript = [
	"cloud-init status --wait >/dev/null",
	"curl -sS --fail-with-body --unix-socket /var/run/docker.sock -H 'content-type: application/json' -d @- http://docker/swarm/join",
].join("; ");

/** Its tasks move to other machines before it goes; a dead one is waited for a minute. */
function leaveScript(node: string): string {
	return [
		`docker node update --availability drain ${node} >/dev/null`,
		`for attempt in $(seq 60); do [ -z "$(docker node ps ${node} -q --filter desired-state=running)" ] && break; sleep 1; done`,
		`docker node rm --force ${node}`,
	].join("; ");
}
