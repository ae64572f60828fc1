/** The records that the emulated account holds. All in memory: a restart begins empty. */
export interface State {
	sshKeys: Map<number, SshKey>;
	actions: Map<number, Action>;
	droplets: Map<number, Droplet>;
	vpcs: Map<string, Vpc>;
	firewalls: Map<string, Firewall>;
	reservedIps: Map<string, ReservedIp>;
	projects: Map<string, Project>;
	tags: Set<string>;
	domains: Map<string, Domain>;
	databases: Map<string, DatabaseCluster>;
	uptimeChecks: Map<string, UptimeCheck>;
	/** What the machines could not do, newest last; shown by the control endpoint. */
	failures: string[];
}

export interface SshKey {
	id: number;
	name: string;
	publicKey: string;
	fingerprint: string;
}

export interface Action {
	id: number;
	status: "in-progress" | "completed" | "errored";
	type: string;
	startedAt: string;
	completedAt: string | null;
	resourceId: number;
	resourceType: "droplet" | "reserved_ip";
	regionSlug: string;
	/** The reserved IP's project, for its actions only. */
	projectId?: string;
}

export interface Droplet {
	id: number;
	name: string;
	status: "new" | "active" | "off";
	locked: boolean;
	createdAt: string;
	imageSlug: string;
	sizeSlug: string;
	regionSlug: string;
	vpcId: string;
	publicIp: string | null;
	privateIp: string | null;
	tags: Set<string>;
	features: string[];
}

export interface Vpc {
	id: string;
	name: string;
	description: string;
	regionSlug: string;
	ipRange: string;
	isDefault: boolean;
	createdAt: string;
}

export interface FirewallPeers {
	addresses?: string[];
	droplet_ids?: number[];
	load_balancer_uids?: string[];
	kubernetes_ids?: string[];
	tags?: string[];
}

export interface FirewallRule {
	protocol: "tcp" | "udp" | "icmp";
	ports: string;
	peers: FirewallPeers;
}

export interface Firewall {
	id: string;
	name: string;
	status: "waiting" | "succeeded" | "failed";
	createdAt: string;
	inbound: FirewallRule[];
	outbound: FirewallRule[];
	dropletIds: Set<number>;
	tags: Set<string>;
	pending: PendingChange[];
}

export interface PendingChange {
	dropletId: number;
	removing: boolean;
}

export interface ReservedIp {
	ip: string;
	regionSlug: string;
	dropletId: number | null;
	locked: boolean;
	projectId: string;
}

export interface Project {
	id: string;
	name: string;
	description: string;
	purpose: string;
	environment: "Development" | "Staging" | "Production";
	isDefault: boolean;
	createdAt: string;
	updatedAt: string;
	/** By canonical URN: the URN as it was assigned, and when. */
	resources: Map<string, { urn: string; assignedAt: string }>;
}

export interface Domain {
	name: string;
	ttl: number;
	/** Counts changes; the zone's SOA serial. */
	serial: number;
	records: Map<number, DomainRecord>;
}

export interface DomainRecord {
	id: number;
	type: RecordType;
	/** Relative to the zone; "@" is the zone itself. */
	name: string;
	/** Host names are kept without the trailing dot, as the API returns them. */
	data: string;
	ttl: number;
	priority: number | null;
	port: number | null;
	weight: number | null;
	flags: number | null;
	tag: string | null;
}

export const recordTypes = [
	"A",
	"AAAA",
	"CAA",
	"CNAME",
	"MX",
	"NS",
	"SOA",
	"SRV",
	"TXT",
] as const;
export type RecordType = (typeof recordTypes)[number];

export interface DatabaseCluster {
	id: string;
	name: string;
	version: string;
	numNodes: number;
	size: string;
	regionSlug: string;
	status: "creating" | "online";
	createdAt: string;
	vpcId: string;
	tags: Set<string>;
	projectId: string;
	storageSizeMib: number;
	hostnames: { public: string; private: string };
	port: number;
	ca: string | null;
	users: Map<string, DatabaseUser>;
	databases: Set<string>;
	rules: DatabaseRule[];
	maintenance: { day: string; hour: string };
	config: Record<string, unknown>;
}

export interface DatabaseUser {
	name: string;
	role: "primary" | "normal";
	password: string;
	settings?: Record<string, unknown>;
}

export interface DatabaseRule {
	uuid: string;
	type: "droplet" | "k8s" | "ip_addr" | "tag" | "app";
	value: string;
	description?: string;
	createdAt: string;
}

export interface UptimeCheck {
	id: string;
	name: string;
	type: "ping" | "http" | "https";
	target: string;
	regions: string[];
	enabled: boolean;
	createdAt: string;
	alerts: Map<string, UptimeAlert>;
}

/** As the API has it. */
export interface UptimeAlert {
	id: string;
	name: string;
	type: "latency" | "down" | "down_global" | "ssl_expiry";
	threshold?: number | undefined;
	comparison?: "greater_than" | "less_than" | undefined;
	notifications: {
		email: string[];
		slack: { channel: string; url: string }[];
	};
	period: string;
}

export function emptyState(): State {
	return {
		sshKeys: new Map(),
		actions: new Map(),
		droplets: new Map(),
		vpcs: new Map(),
		firewalls: new Map(),
		reservedIps: new Map(),
		projects: new Map(),
		tags: new Set(),
		domains: new Map(),
		databases: new Map(),
		uptimeChecks: new Map(),
		failures: [],
	};
}
