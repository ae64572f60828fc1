import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";

export interface NetworkArgs {
	/** Appears in every name, so that two stacks share an account. */
	stack: string;
	region: string;
	/** Networks that may open ssh. A change updates the firewall in place. */
	sshCidrs: string[];
	/** False: the VPC stays with the database that lies in it. A change costs nothing. */
	allowDataLoss: boolean;
}

const everywhere = ["0.0.0.0/0", "::/0"];

/**
 * What exists before any machine: tag, VPC, firewall and the reserved IP that
 * the names will point to. The firewall goes by tag, so a Droplet is behind it
 * from its first second. A change of region replaces VPC and reserved IP, and
 * with them everything else.
 */
export class Network extends pulumi.ComponentResource {
	readonly tag: pulumi.Output<string>;
	readonly vpcId: pulumi.Output<string>;
	readonly reservedIp: pulumi.Output<string>;
	readonly reservedIpUrn: pulumi.Output<string>;
	/** Must stand before the first machine and after the last. */
	readonly firewall: digitalocean.Firewall;

	constructor(
		name: string,
		args: NetworkArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Network", name, {}, opts);
		const own = { parent: this };
		const label = `cutover-${args.stack}`;
		const tag = new digitalocean.Tag(`${name}-tag`, { name: label }, own);
		const suffix = new random.RandomId(
			`${name}-suffix`,
			{ byteLength: 4 },
			own,
		);
		const vpc = new digitalocean.Vpc(
			`${name}-vpc`,
			{
				name: pulumi.interpolate`${label}-${suffix.hex}`,
				region: args.region,
				description: `${label}: private network`,
			},
			{ ...own, retainOnDelete: !args.allowDataLoss },
		);
		this.firewall = new digitalocean.Firewall(
			`${name}-firewall`,
			{
				name: label,
				tags: [tag.name],
				inboundRules: [
					{ protocol: "tcp", portRange: "22", sourceAddresses: args.sshCidrs },
					{ protocol: "tcp", portRange: "80", sourceAddresses: everywhere },
					{ protocol: "tcp", portRange: "443", sourceAddresses: everywhere },
					// HTTP/3.
					{ protocol: "udp", portRange: "443", sourceAddresses: everywhere },
					...swarmPorts.map((port) => ({ ...port, sourceTags: [tag.name] })),
				],
				outboundRules: ["tcp", "udp", "icmp"].map((protocol) => ({
					protocol,
					...(protocol === "icmp" ? {} : { portRange: "1-65535" }),
					destinationAddresses: everywhere,
				})),
			},
			own,
		);
		const reserved = new digitalocean.ReservedIp(
			`${name}-reserved-ip`,
			{ region: args.region },
			// Assigned apart: a new Droplet must not cost the address.
			{ ...own, ignoreChanges: ["dropletId"] },
		);
		this.tag = tag.name;
		this.vpcId = vpc.id;
		this.reservedIp = reserved.ipAddress;
		this.reservedIpUrn = reserved.reservedIpUrn;
		this.registerOutputs({});
	}
}

/** docs.docker.com/engine/swarm: cluster management, node gossip, VXLAN. */
const swarmPorts = [
	{ protocol: "tcp", portRange: "2377" },
	{ protocol: "tcp", portRange: "7946" },
	{ protocol: "udp", portRange: "7946" },
	{ protocol: "udp", portRange: "4789" },
];
