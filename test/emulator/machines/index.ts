import { UserError } from "../../../cutover/errors";
import { parseCidr } from "../addresses";
import { AddressPool } from "./address-pool";
import {
	DatabaseAdministration,
	databaseContainer,
	readyScript,
} from "./database";
import {
	bootScript,
	type DropletSite,
	dropletContainer,
	seedScript,
} from "./droplet";
import { Engine } from "./engine";
import { Machine } from "./machine";
import { Owner, removeLeftovers } from "./owner";
import { createPublicNetwork } from "./public-network";
import type {
	DatabaseServer,
	DatabaseSpec,
	DropletAddresses,
	DropletSpec,
	InboundRule,
	Machines,
	PublicNetwork,
} from "./types";

/** Nothing at DigitalOcean has a smaller frame inside of a VPC, and these packets never leave the host. */
const VPC_MTU = 1500;
const REGISTRY_PORT = 5000;
/** How long a Droplet that is turned off may take to end its services. */
const SHUTDOWN_SECONDS = 15;

export interface DockerMachinesOptions {
	/** DNS server of the Droplets; default: the gateway, where the emulator's listens. */
	resolver?: string;
	/**
	 * Container of the registry that Droplets use as mirror of Docker Hub; default:
	 * CUTOVER_REGISTRY_CONTAINER from the environment, where set-up names it.
	 */
	registryContainer?: string;
}

/**
 * Machines as Docker containers on this host. Rejects when the engine cannot be
 * reached or no address block is free.
 *
 * Real: sshd, cloud-init with the handed-over user data, a Docker Engine in each
 * Droplet (Swarm and overlay networks included), the size's memory limit, public
 * and VPC interfaces, reserved IPs that move, firewalls that drop packets on both
 * interfaces, PostgreSQL servers with TLS, a CA and a firewall of their own.
 *
 * Not emulated: a kernel of its own (so no IPVS where the host has none, and no
 * reboot into another kernel), systemd (systemctl is a stand-in that runs init
 * scripts), processors and disks by size, IPv6, outbound firewall rules, anchor
 * addresses, backups, replicas and connection pools. A Droplet comes with Docker
 * and the usual packages installed, so user data that forgets to install them
 * is not found out, and its root user could undo the firewall.
 */
export async function createDockerMachines(
	options: DockerMachinesOptions = {},
): Promise<Machines> {
	const engine = new Engine();
	await removeLeftovers(engine);
	const owner = new Owner();
	const network = await createPublicNetwork(engine, owner);
	try {
		const registry =
			options.registryContainer ?? process.env.CUTOVER_REGISTRY_CONTAINER;
		const mirror = network.gateway.replace(/\d+$/, "2");
		if (registry) await engine.connect(network.name, registry, mirror);
		return new DockerMachines(engine, owner, network, {
			network,
			resolver: options.resolver ?? network.gateway,
			...(registry ? { registryMirror: `${mirror}:${REGISTRY_PORT}` } : {}),
		});
	} catch (error) {
		await owner.removeAll(engine);
		throw error;
	}
}

interface Vpc {
	network: string;
	bits: number;
	addresses: AddressPool;
}

interface Droplet extends DropletAddresses {
	machine: Machine;
	vpc: Vpc;
	volume: string;
	/** Shell for each boot. */
	boot: string;
}

interface Database {
	machine: Machine;
	administration: DatabaseAdministration;
	vpc: Vpc;
	publicIp: string;
	privateIp: string;
}

class DockerMachines implements Machines {
	readonly #vpcs = new Map<string, Vpc>();
	readonly #droplets = new Map<number, Droplet>();
	readonly #databases = new Map<string, Database>();
	/** Reserved IPs and the Droplets they point at. */
	readonly #assignments = new Map<string, number>();
	readonly #addresses: AddressPool;

	constructor(
		readonly engine: Engine,
		readonly owner: Owner,
		readonly network: PublicNetwork,
		readonly site: DropletSite,
	) {
		this.#addresses = new AddressPool(network.subnet, 100, 239);
	}

	/**
	 * Docker gives the network a block of its own choice, and the machines take
	 * their VPC addresses by themselves: so two emulators, or a network of this
	 * host, may use the same range.
	 */
	async createVpc(vpc: { id: string; ipRange: string }): Promise<void> {
		if (this.#vpcs.has(vpc.id)) return;
		// Sorts after the public network's name: Docker's default route follows the first.
		const network = this.owner.name(`vpc-${vpc.id}`);
		await this.engine.createNetwork({
			name: network,
			labels: this.owner.labels,
			mtu: VPC_MTU,
		});
		this.#vpcs.set(vpc.id, {
			network,
			bits: parseCidr(vpc.ipRange)?.bits ?? 32,
			// DigitalOcean keeps the first address and the last.
			addresses: new AddressPool(vpc.ipRange, 2, -2),
		});
	}

	async deleteVpc(vpcId: string): Promise<void> {
		const vpc = this.#vpcs.get(vpcId);
		if (!vpc) return;
		await this.engine.removeNetwork(vpc.network);
		this.#vpcs.delete(vpcId);
	}

	async createDroplet(spec: DropletSpec): Promise<DropletAddresses> {
		const vpc = this.#vpc(spec.vpcId);
		const publicIp = this.#addresses.take();
		const privateIp = vpc.addresses.take();
		const name = this.owner.name(`droplet-${spec.id}`);
		const machine = new Machine(
			this.engine,
			dropletContainer(spec, {
				name,
				labels: this.owner.labels,
				network: this.network.name,
				address: publicIp,
				volume: name,
			}),
			this.network,
			{ network: vpc.network, address: `${privateIp}/${vpc.bits}` },
		);
		const boot = bootScript(spec, { publicIp, privateIp }, this.site);
		this.#droplets.set(spec.id, {
			machine,
			vpc,
			volume: name,
			boot,
			publicIp,
			privateIp,
		});
		await this.engine.createVolume(name, this.owner.labels);
		await machine.create(`${seedScript(spec)}\n${boot}`);
		return { publicIp, privateIp };
	}

	async deleteDroplet(dropletId: number): Promise<void> {
		const droplet = this.#droplets.get(dropletId);
		if (!droplet) return;
		for (const [ip, holder] of this.#assignments)
			if (holder === dropletId) this.#assignments.delete(ip);
		await droplet.machine.remove();
		await this.engine.removeVolume(droplet.volume);
		this.#droplets.delete(dropletId);
		this.#addresses.release(droplet.publicIp);
		droplet.vpc.addresses.release(droplet.privateIp);
	}

	async power(
		dropletId: number,
		action: "on" | "off" | "reboot",
	): Promise<void> {
		const { machine, boot } = this.#droplet(dropletId);
		if (action !== "on") await machine.stop(SHUTDOWN_SECONDS);
		if (action !== "off") await machine.start(boot);
	}

	async reserveAddress(): Promise<string> {
		return this.#addresses.take();
	}

	async releaseAddress(ip: string): Promise<void> {
		await this.unassignAddress(ip);
		this.#addresses.release(ip);
	}

	async assignAddress(ip: string, dropletId: number): Promise<void> {
		const { machine } = this.#droplet(dropletId);
		if (this.#assignments.get(ip) !== dropletId) await this.unassignAddress(ip);
		this.#assignments.set(ip, dropletId);
		await machine.addAddress(ip);
	}

	async unassignAddress(ip: string): Promise<void> {
		const holder = this.#assignments.get(ip);
		if (holder === undefined) return;
		this.#assignments.delete(ip);
		await this.#droplet(holder).machine.removeAddress(ip);
	}

	async setFirewall(
		dropletId: number,
		inbound: InboundRule[] | null,
	): Promise<void> {
		await this.#droplet(dropletId).machine.setFirewall(inbound);
	}

	async createDatabase(spec: DatabaseSpec): Promise<DatabaseServer> {
		if (!["15", "17"].includes(spec.version))
			throw new UserError({
				expected: "PostgreSQL 15 or 17, which the emulator has",
				found: `version ${spec.version} for the database cluster ${spec.name}`,
				fix: "set cutover:databaseVersion to one of the two",
			});
		const vpc = this.#vpc(spec.vpcId);
		const publicIp = this.#addresses.take();
		const privateIp = vpc.addresses.take();
		const machine = new Machine(
			this.engine,
			databaseContainer(spec, {
				name: this.owner.name(`database-${spec.id}`),
				labels: this.owner.labels,
				network: this.network.name,
				address: publicIp,
				privateIp,
			}),
			this.network,
			{ network: vpc.network, address: `${privateIp}/${vpc.bits}` },
		);
		const administration = new DatabaseAdministration(machine, spec);
		this.#databases.set(spec.id, {
			machine,
			administration,
			vpc,
			publicIp,
			privateIp,
		});
		await machine.create(readyScript(spec));
		await administration.createAdministrator();
		return { publicIp, privateIp, ca: await administration.authority() };
	}

	async deleteDatabase(clusterId: string): Promise<void> {
		const database = this.#databases.get(clusterId);
		if (!database) return;
		await database.machine.remove();
		this.#databases.delete(clusterId);
		this.#addresses.release(database.publicIp);
		database.vpc.addresses.release(database.privateIp);
	}

	async addDatabase(clusterId: string, name: string): Promise<void> {
		await this.#database(clusterId).administration.addDatabase(name);
	}

	async dropDatabase(clusterId: string, name: string): Promise<void> {
		await this.#database(clusterId).administration.dropDatabase(name);
	}

	async setDatabaseUser(
		clusterId: string,
		user: string,
		password: string,
	): Promise<void> {
		await this.#database(clusterId).administration.setUser(user, password);
	}

	async dropDatabaseUser(clusterId: string, user: string): Promise<void> {
		await this.#database(clusterId).administration.dropUser(user);
	}

	async setDatabaseFirewall(
		clusterId: string,
		sources: string[] | null,
	): Promise<void> {
		await this.#database(clusterId).machine.setFirewall(
			sources && [{ protocol: "tcp", ports: "all", sources }],
		);
	}

	async close(): Promise<void> {
		await this.owner.removeAll(this.engine);
	}

	#vpc(id: string): Vpc {
		const vpc = this.#vpcs.get(id);
		if (!vpc) throw new Error(`there is no VPC network ${id}`);
		return vpc;
	}

	#droplet(id: number): Droplet {
		const droplet = this.#droplets.get(id);
		if (!droplet) throw new Error(`there is no Droplet ${id}`);
		return droplet;
	}

	#database(id: string): Database {
		const database = this.#databases.get(id);
		if (!database) throw new Error(`there is no database cluster ${id}`);
		return database;
	}
}
