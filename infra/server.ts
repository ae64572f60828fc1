import { createHash } from "node:crypto";
import { remote } from "@pulumi/command";
import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { cloudInit } from "./cloud-init";
import { type KeyPair, keyPair } from "./keys";
import type { Network } from "./network";
import { connection, type SshTarget, within } from "./remote";
import { joinSwarm } from "./swarm-join";

export interface ServerArgs {
	stack: string;
	network: Network;
	region: string;
	/** A change resizes in place, with the machine off meanwhile. */
	size: string;
	/** 1 or more; the first is the manager. A change adds or removes workers only. */
	droplets: number;
}

/** One machine and how to reach it. */
export interface Machine {
	droplet: digitalocean.Droplet;
	ssh: SshTarget;
}

/**
 * The Droplets with their engine, formed into one Swarm. The first is the
 * manager, carries the reserved IP and runs what must be where the names point.
 * Host and client keys come from seeds in the state, so nothing is trusted on
 * first use. A change of region or of the cloud-init text replaces machines:
 * the site is down meanwhile.
 */
export class Server extends pulumi.ComponentResource {
	readonly manager: Machine;
	readonly workers: Machine[];
	/** Output of the command that waited for the manager's engine. */
	readonly engine: remote.Command;
	/** Settles when the reserved IP leads to the manager. */
	readonly addressAssigned: pulumi.Resource;
	/** Settle when the workers have joined. */
	readonly joined: pulumi.Resource[];

	constructor(
		name: string,
		args: ServerArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Server", name, {}, opts);
		const own = { parent: this };
		const client = this.#keys(`${name}-client-key`);
		const sshKey = new digitalocean.SshKey(
			`${name}-ssh-key`,
			{ name: `cutover-${args.stack}`, publicKey: client.publicKey },
			own,
		);
		const machine = (index: number): Machine => {
			const host = this.#keys(`${name}-host-key-${index}`);
			const droplet = new digitalocean.Droplet(
				`${name}-droplet-${index}`,
				{
					name: `cutover-${args.stack}-${index}`,
					image: "debian-12-x64",
					region: args.region,
					size: args.size,
					vpcUuid: args.network.vpcId,
					sshKeys: [sshKey.fingerprint],
					tags: [args.network.tag],
					monitoring: true,
					// Growing the disk could not be taken back.
					resizeDisk: false,
					userData: pulumi.secret(
						pulumi
							.all([host.publicKey, host.privateKey])
							.apply(([publicKey, privateKey]) =>
								cloudInit({
									hostKey: { publicKey, privateKey },
									manager: index === 1,
								}),
							),
					),
				},
				{
					...own,
					dependsOn: [args.network.firewall],
					additionalSecretOutputs: ["userData"],
				},
			);
			return {
				droplet,
				ssh: {
					user: "root",
					host: droplet.ipv4Address,
					hostKey: host.publicKey,
					privateKey: client.privateKey,
				},
			};
		};

		this.manager = machine(1);
		this.workers = Array.from({ length: args.droplets - 1 }, (_, index) =>
			machine(index + 2),
		);
		this.engine = new remote.Command(
			`${name}-engine`,
			{
				connection: connection(this.manager.ssh),
				// Exit code 2 is "done, with warnings": docker info then decides.
				create:
					"cloud-init status --wait >/dev/null; docker info --format '{{.Swarm.LocalNodeState}}' | grep -x active",
				addPreviousOutputInEnv: false,
			},
			{ ...own, ...within(this.manager.droplet) },
		);
		this.joined = joinSwarm(name, this, own);
		this.addressAssigned = new digitalocean.ReservedIpAssignment(
			`${name}-address`,
			{
				ipAddress: args.network.reservedIp,
				dropletId: this.manager.droplet.id.apply(Number),
			},
			own,
		);
		this.registerOutputs({});
	}

	/** Ids of all machines, as other resources of the API take them. */
	get dropletIds(): pulumi.Output<string>[] {
		return this.#all.map(({ droplet }) => droplet.id);
	}

	get dropletUrns(): pulumi.Output<string>[] {
		return this.#all.map(({ droplet }) => droplet.dropletUrn);
	}

	/** Public addresses, the manager's first. */
	get addresses(): pulumi.Output<string>[] {
		return this.#all.map(({ droplet }) => droplet.ipv4Address);
	}

	get #all(): Machine[] {
		return [this.manager, ...this.workers];
	}

	#keys(name: string): { [K in keyof KeyPair]: pulumi.Output<string> } {
		// Not RandomBytes: its id is the bytes themselves, and Pulumi keeps ids in
		// plain text. 64 letters and digits carry 381 bits; a key needs 256.
		const password = new random.RandomPassword(
			name,
			{ length: 64, special: false },
			{ parent: this },
		);
		const pair = password.result.apply((text) =>
			keyPair(createHash("sha256").update(text).digest()),
		);
		return {
			// The public half is published; the seed it came from stays secret.
			publicKey: pulumi.unsecret(pair.publicKey),
			privateKey: pulumi.secret(pair.privateKey),
		};
	}
}
