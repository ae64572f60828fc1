import { formatAddress, parseCidr } from "./addresses";
import type {
	DatabaseServer,
	DatabaseSpec,
	DropletAddresses,
	DropletSpec,
	InboundRule,
	Machines,
	PublicNetwork,
} from "./machines/types";

/**
 * Machines that exist only as records: no container, no server, no packet
 * filter. For contract tests of the API and for trying API clients; nothing
 * can be reached at the addresses it hands out.
 */
export class InMemoryMachines implements Machines {
	/** The gateway is loopback, as no network with an address of its own exists. */
	readonly network: PublicNetwork = {
		subnet: "203.0.113.0/24",
		gateway: "127.0.0.1",
		name: "in-memory",
	};
	readonly droplets = new Map<number, DropletSpec & { power: string }>();
	readonly firewalls = new Map<number, InboundRule[] | null>();
	readonly assignments = new Map<string, number>();
	readonly databases = new Map<
		string,
		{ spec: DatabaseSpec; names: Set<string>; users: Map<string, string> }
	>();
	readonly databaseFirewalls = new Map<string, string[] | null>();
	readonly #vpcs = new Map<string, { ipRange: string; last: number }>();
	readonly #taken = new Set<string>();

	async createVpc(vpc: { id: string; ipRange: string }): Promise<void> {
		// The gateway has the first address.
		this.#vpcs.set(vpc.id, { ipRange: vpc.ipRange, last: 1 });
	}

	async deleteVpc(vpcId: string): Promise<void> {
		this.#vpcs.delete(vpcId);
	}

	async createDroplet(spec: DropletSpec): Promise<DropletAddresses> {
		await turn();
		this.droplets.set(spec.id, { ...spec, power: "on" });
		return {
			publicIp: await this.reserveAddress(),
			privateIp: this.#privateAddress(spec.vpcId),
		};
	}

	async deleteDroplet(dropletId: number): Promise<void> {
		await turn();
		this.droplets.delete(dropletId);
		this.firewalls.delete(dropletId);
	}

	async power(
		dropletId: number,
		action: "on" | "off" | "reboot",
	): Promise<void> {
		await turn();
		const droplet = this.droplets.get(dropletId);
		if (!droplet) throw new Error(`there is no machine ${dropletId}`);
		droplet.power = action === "off" ? "off" : "on";
	}

	/** Addresses from .100 on, as the project lays out the public network. */
	async reserveAddress(): Promise<string> {
		const base = parseCidr(this.network.subnet)?.first ?? 0;
		for (let host = 100; host < 255; host += 1) {
			const ip = formatAddress(base + host);
			if (this.#taken.has(ip)) continue;
			this.#taken.add(ip);
			return ip;
		}
		throw new Error("no address is left on the public network");
	}

	async releaseAddress(ip: string): Promise<void> {
		this.#taken.delete(ip);
	}

	async assignAddress(ip: string, dropletId: number): Promise<void> {
		await turn();
		this.assignments.set(ip, dropletId);
	}

	async unassignAddress(ip: string): Promise<void> {
		await turn();
		this.assignments.delete(ip);
	}

	async setFirewall(
		dropletId: number,
		inbound: InboundRule[] | null,
	): Promise<void> {
		await turn();
		this.firewalls.set(dropletId, inbound);
	}

	async createDatabase(spec: DatabaseSpec): Promise<DatabaseServer> {
		await turn();
		this.databases.set(spec.id, {
			spec,
			names: new Set([spec.admin.database]),
			users: new Map([[spec.admin.user, spec.admin.password]]),
		});
		return {
			publicIp: await this.reserveAddress(),
			privateIp: this.#privateAddress(spec.vpcId),
			ca: "-----BEGIN CERTIFICATE-----\n(no server, no certificate)\n-----END CERTIFICATE-----\n",
		};
	}

	async deleteDatabase(clusterId: string): Promise<void> {
		await turn();
		this.databases.delete(clusterId);
		this.databaseFirewalls.delete(clusterId);
	}

	async addDatabase(clusterId: string, name: string): Promise<void> {
		this.#database(clusterId).names.add(name);
	}

	async dropDatabase(clusterId: string, name: string): Promise<void> {
		this.#database(clusterId).names.delete(name);
	}

	async setDatabaseUser(
		clusterId: string,
		user: string,
		password: string,
	): Promise<void> {
		this.#database(clusterId).users.set(user, password);
	}

	async dropDatabaseUser(clusterId: string, user: string): Promise<void> {
		this.#database(clusterId).users.delete(user);
	}

	async setDatabaseFirewall(
		clusterId: string,
		sources: string[] | null,
	): Promise<void> {
		await turn();
		this.databaseFirewalls.set(clusterId, sources);
	}

	async close(): Promise<void> {}

	#database(clusterId: string) {
		const database = this.databases.get(clusterId);
		if (!database) throw new Error(`there is no database server ${clusterId}`);
		return database;
	}

	#privateAddress(vpcId: string): string {
		const vpc = this.#vpcs.get(vpcId);
		if (!vpc) throw new Error(`there is no VPC network ${vpcId}`);
		vpc.last += 1;
		return formatAddress((parseCidr(vpc.ipRange)?.first ?? 0) + vpc.last);
	}
}

/** Real machines take time: work here ends after the answer that started it, too. */
const turn = () => new Promise((resolve) => setImmediate(resolve));
