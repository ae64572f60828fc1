import { z } from "zod";

/**
 * The keys that official clients (godo, pydo, the Pulumi and Terraform
 * providers) read from each resource. The published OpenAPI description leaves
 * most of them optional, so it accepts answers that would crash a client;
 * every answer of the emulator is held against these too, at run time.
 */

const timestamp = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const ipv4 = z.ipv4();
const uuid = z.uuid();

export const links = z.object({
	pages: z
		.object({
			first: z.url().optional(),
			prev: z.url().optional(),
			next: z.url().optional(),
			last: z.url().optional(),
		})
		.optional(),
});

/** {key: item} */
export const one = (key: string, item: z.ZodType) => z.object({ [key]: item });

/** {key: [item], links, meta} */
export const list = (key: string, item: z.ZodType) =>
	z.object({
		[key]: z.array(item),
		links,
		meta: z.object({ total: z.int().min(0) }),
	});

/** {key: [item]}, for the few lists that are not paged. */
export const bareList = (key: string, item: z.ZodType) =>
	z.object({ [key]: z.array(item) });

const actionLink = z.object({
	id: z.int(),
	rel: z.string(),
	href: z.url(),
});
export const actionLinks = z.object({ actions: z.array(actionLink) });

export const account = z.object({
	droplet_limit: z.int(),
	floating_ip_limit: z.int(),
	reserved_ip_limit: z.int(),
	volume_limit: z.int(),
	email: z.string(),
	name: z.string(),
	uuid: z.string(),
	email_verified: z.boolean(),
	status: z.enum(["active", "warning", "locked"]),
	status_message: z.string(),
	team: z.object({ name: z.string(), uuid: z.string() }),
});

export const sshKey = z.object({
	id: z.int(),
	fingerprint: z.string().regex(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/),
	public_key: z.string(),
	name: z.string(),
});

export const region = z.object({
	slug: z.string(),
	name: z.string(),
	sizes: z.array(z.string()),
	features: z.array(z.string()),
	available: z.boolean(),
});

export const size = z.object({
	slug: z.string(),
	memory: z.int(),
	vcpus: z.int(),
	disk: z.int(),
	transfer: z.number(),
	price_monthly: z.number(),
	price_hourly: z.number(),
	regions: z.array(z.string()),
	available: z.boolean(),
	description: z.string(),
});

export const image = z.object({
	id: z.int(),
	name: z.string(),
	type: z.string(),
	distribution: z.string(),
	slug: z.string(),
	public: z.boolean(),
	regions: z.array(z.string()),
	min_disk_size: z.int(),
	size_gigabytes: z.number(),
	created_at: timestamp,
	status: z.string(),
});

export const action = z.object({
	id: z.int(),
	status: z.enum(["in-progress", "completed", "errored"]),
	type: z.string(),
	started_at: timestamp,
	completed_at: timestamp.nullable(),
	resource_id: z.int(),
	resource_type: z.string(),
	region,
	region_slug: z.string(),
});

const network = z.object({
	ip_address: ipv4,
	netmask: ipv4,
	gateway: ipv4,
	type: z.enum(["public", "private"]),
});

export const droplet = z.object({
	id: z.int(),
	name: z.string(),
	memory: z.int(),
	vcpus: z.int(),
	disk: z.int(),
	locked: z.boolean(),
	status: z.enum(["new", "active", "off", "archive"]),
	kernel: z.null(),
	created_at: timestamp,
	features: z.array(z.string()),
	backup_ids: z.array(z.int()),
	next_backup_window: z.null(),
	snapshot_ids: z.array(z.int()),
	image,
	volume_ids: z.array(z.string()),
	size,
	size_slug: z.string(),
	networks: z.object({ v4: z.array(network), v6: z.array(z.never()) }),
	region,
	tags: z.array(z.string()),
	vpc_uuid: uuid,
});

export const vpc = z.object({
	id: uuid,
	urn: z.string().startsWith("do:vpc:"),
	name: z.string(),
	description: z.string(),
	region: z.string(),
	ip_range: z.cidrv4(),
	default: z.boolean(),
	created_at: timestamp,
});

export const vpcMember = z.object({
	urn: z.string().startsWith("do:"),
	name: z.string(),
	created_at: timestamp,
});

const firewallPeers = z.object({
	addresses: z.array(z.string()).optional(),
	droplet_ids: z.array(z.int()).optional(),
	tags: z.array(z.string()).optional(),
});
const firewallRule = {
	protocol: z.enum(["tcp", "udp", "icmp"]),
	ports: z.string(),
};

export const firewall = z.object({
	id: uuid,
	name: z.string(),
	status: z.enum(["waiting", "succeeded", "failed"]),
	created_at: timestamp,
	inbound_rules: z.array(z.object({ ...firewallRule, sources: firewallPeers })),
	outbound_rules: z.array(
		z.object({ ...firewallRule, destinations: firewallPeers }),
	),
	droplet_ids: z.array(z.int()),
	tags: z.array(z.string()),
	pending_changes: z.array(
		z.object({
			droplet_id: z.int(),
			removing: z.boolean(),
			status: z.string(),
		}),
	),
});

export const reservedIp = z.object({
	ip: ipv4,
	region,
	droplet: droplet.nullable(),
	locked: z.boolean(),
	project_id: uuid,
});

export const project = z.object({
	id: uuid,
	owner_uuid: z.string(),
	owner_id: z.int(),
	name: z.string(),
	description: z.string(),
	purpose: z.string(),
	environment: z.string(),
	is_default: z.boolean(),
	created_at: timestamp,
	updated_at: timestamp,
});

export const projectResource = z.object({
	urn: z.string().startsWith("do:"),
	assigned_at: timestamp,
	links: z.object({ self: z.url() }),
	status: z.string(),
});

const tagCount = z.object({ count: z.int() });
export const tag = z.object({
	name: z.string(),
	resources: tagCount.extend({
		droplets: tagCount,
		images: tagCount,
		volumes: tagCount,
		volume_snapshots: tagCount,
		databases: tagCount,
	}),
});

export const domain = z.object({
	name: z.string(),
	ttl: z.int(),
	zone_file: z.string(),
});

export const domainRecord = z.object({
	id: z.int(),
	type: z.string(),
	name: z.string(),
	data: z.string(),
	ttl: z.int(),
	priority: z.int().nullable(),
	port: z.int().nullable(),
	weight: z.int().nullable(),
	flags: z.int().nullable(),
	tag: z.string().nullable(),
});

const connection = z.object({
	protocol: z.literal("postgresql"),
	uri: z.string().startsWith("postgresql://"),
	database: z.string(),
	host: z.string(),
	port: z.int(),
	user: z.string(),
	password: z.string(),
	ssl: z.literal(true),
});

export const databaseUser = z.object({
	name: z.string(),
	role: z.enum(["primary", "normal"]),
	password: z.string(),
});

export const databaseCluster = z.object({
	id: uuid,
	name: z.string(),
	engine: z.literal("pg"),
	version: z.string(),
	semantic_version: z.string(),
	connection,
	private_connection: connection,
	users: z.array(databaseUser),
	db_names: z.array(z.string()),
	num_nodes: z.int(),
	size: z.string(),
	region: z.string(),
	status: z.enum(["creating", "online"]),
	maintenance_window: z.object({
		day: z.string(),
		hour: z.string(),
		pending: z.boolean(),
	}),
	created_at: timestamp,
	private_network_uuid: uuid,
	tags: z.array(z.string()),
	project_id: uuid,
	storage_size_mib: z.int(),
});

export const databaseName = z.object({ name: z.string() });
export const databaseCa = z.object({ certificate: z.base64() });
export const databaseRule = z.object({
	uuid,
	cluster_uuid: uuid,
	type: z.enum(["droplet", "k8s", "ip_addr", "tag", "app"]),
	value: z.string(),
	created_at: timestamp,
});

export const uptimeCheck = z.object({
	id: uuid,
	name: z.string(),
	type: z.enum(["ping", "http", "https"]),
	target: z.string(),
	regions: z.array(z.string()),
	enabled: z.boolean(),
});

export const uptimeAlert = z.object({
	id: uuid,
	name: z.string(),
	type: z.enum(["latency", "down", "down_global", "ssl_expiry"]),
	notifications: z.object({
		email: z.array(z.string()),
		slack: z.array(z.object({ channel: z.string(), url: z.string() })),
	}),
	period: z.string(),
});

const regionState = z.object({
	status: z.enum(["DOWN", "UP", "CHECKING"]),
	status_changed_at: timestamp,
	thirty_day_uptime_percentage: z.number(),
});
export const uptimeState = z.object({
	regions: z.record(z.string(), regionState),
});
