/**
 * What the emulated DigitalOcean API asks of the layer that makes things real:
 * containers for Droplets, real Postgres servers, addresses, firewalls. The API
 * keeps the records and the transitions; a Machines does the work. Every method
 * is idempotent where the API may repeat it, and rejects with an Error whose
 * message says what failed.
 */
export interface Machines {
	readonly network: PublicNetwork;
	createVpc(vpc: { id: string; ipRange: string }): Promise<void>;
	deleteVpc(vpcId: string): Promise<void>;
	/** Resolves when the machine has its addresses and answers ssh; cloud-init may still run. */
	createDroplet(spec: DropletSpec): Promise<DropletAddresses>;
	deleteDroplet(dropletId: number): Promise<void>;
	power(dropletId: number, action: "on" | "off" | "reboot"): Promise<void>;
	/** Takes a free address of the public network for a reserved IP. */
	reserveAddress(): Promise<string>;
	releaseAddress(ip: string): Promise<void>;
	assignAddress(ip: string, dropletId: number): Promise<void>;
	unassignAddress(ip: string): Promise<void>;
	/** null opens everything; a list drops whatever it does not admit. */
	setFirewall(dropletId: number, inbound: InboundRule[] | null): Promise<void>;
	/** Resolves when the server answers over TLS. */
	createDatabase(spec: DatabaseSpec): Promise<DatabaseServer>;
	deleteDatabase(clusterId: string): Promise<void>;
	addDatabase(clusterId: string, name: string): Promise<void>;
	dropDatabase(clusterId: string, name: string): Promise<void>;
	/** Creates the user or sets its password. */
	setDatabaseUser(
		clusterId: string,
		user: string,
		password: string,
	): Promise<void>;
	dropDatabaseUser(clusterId: string, user: string): Promise<void>;
	/** Source addresses (IPv4 or CIDR) that may connect; null opens to all. */
	setDatabaseFirewall(
		clusterId: string,
		sources: string[] | null,
	): Promise<void>;
	/** Removes all that this instance made. */
	close(): Promise<void>;
}

export interface PublicNetwork {
	/** CIDR, for instance 203.0.113.0/24. */
	subnet: string;
	/** This host's address on it: DNS, registry mirror and peers listen there. */
	gateway: string;
	/** Docker's name of the network. */
	name: string;
}

export interface DropletSpec {
	id: number;
	name: string;
	/** Image slug, for instance debian-12-x64. */
	image: string;
	vcpus: number;
	memoryMb: number;
	/** cloud-init's user data, handed over unchanged. */
	userData?: string;
	/** OpenSSH public keys for root. */
	sshKeys: string[];
	vpcId: string;
}

export interface DropletAddresses {
	publicIp: string;
	privateIp: string;
}

export interface InboundRule {
	protocol: "tcp" | "udp" | "icmp";
	/** "22", "8000-9000", or "all"; ignored for icmp. */
	ports: string;
	/** IPv4 addresses or CIDRs. */
	sources: string[];
}

export interface DatabaseSpec {
	id: string;
	name: string;
	/** Major version, for instance "17". */
	version: string;
	vpcId: string;
	/** Names the certificate must carry: the public and the private host name. */
	hostnames: { public: string; private: string };
	admin: { user: string; password: string; database: string };
	port: number;
}

export interface DatabaseServer {
	publicIp: string;
	privateIp: string;
	/** PEM of the cluster's own CA. */
	ca: string;
}
