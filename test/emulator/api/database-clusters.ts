import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { Context } from "../context";
import type { DatabaseCluster, DatabaseRule, State } from "../state";
import { accountNumber } from "./account";
import { databaseSizes, databaseVersions, findRegion } from "./catalog";
import { applyDatabaseFirewall, queueOf } from "./database-firewall";
import {
	conflict,
	notFound,
	preconditionFailed,
	unprocessable,
} from "./errors";
import {
	assign,
	assignToDefault,
	findProject,
	unassign,
} from "./project-resources";
import { tagName } from "./tags";
import { vpcFor } from "./vpcs";

/** The port of managed PostgreSQL, without the connection pool. */
const port = 25060;
export const adminUser = "doadmin";
export const adminDatabase = "defaultdb";

export const ruleRequest = z.object({
	type: z.enum(["droplet", "k8s", "ip_addr", "tag", "app"]),
	value: z.string().min(1),
	description: z.string().optional(),
});

export const createRequest = z.object({
	name: z
		.string()
		.regex(
			/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/,
			"must be 3 to 63 lowercase letters, digits and dashes",
		),
	engine: z.literal("pg", "only engine pg is emulated"),
	version: z.enum(databaseVersions, "is not an offered version").default("17"),
	size: z.string(),
	region: z.string(),
	num_nodes: z.int().min(1).max(3),
	private_network_uuid: z.string().optional(),
	tags: z.array(tagName).nullish(),
	project_id: z.string().optional(),
	storage_size_mib: z.int().optional(),
	rules: z.array(ruleRequest).nullish(),
});

/** Rules as a request gives them, each with an id of its own. */
export function rulesFrom(
	{ state, clock, ids }: Context,
	rules: z.infer<typeof ruleRequest>[],
): DatabaseRule[] {
	return rules.map((rule) => {
		if (rule.type === "droplet" && !state.droplets.has(Number(rule.value)))
			throw unprocessable(`invalid droplet ${rule.value}`);
		return { ...rule, uuid: ids.uuid(), createdAt: clock.timestamp() };
	});
}

/** Starts a cluster: it is creating at first, and online when its server answers. */
export async function createCluster(
	context: Context,
	body: z.infer<typeof createRequest>,
): Promise<DatabaseCluster> {
	const { state, clock, ids } = context;
	const storage = databaseSizes[body.size];
	if (!storage) throw unprocessable("invalid size");
	if (!findRegion(body.region)) throw unprocessable("invalid region");
	const project = findProject(state, body.project_id);
	const vpc = await vpcFor(context, body.region, body.private_network_uuid);
	for (const other of state.databases.values())
		if (other.name === body.name)
			throw conflict("a cluster with this name already exists");
	for (const tag of body.tags ?? []) state.tags.add(tag);
	const host = `${body.name}-do-user-${accountNumber}-0.x.db.ondigitalocean.com`;
	const cluster: DatabaseCluster = {
		id: ids.uuid(),
		name: body.name,
		version: body.version,
		numNodes: body.num_nodes,
		size: body.size,
		regionSlug: body.region,
		status: "creating",
		createdAt: clock.timestamp(),
		vpcId: vpc.id,
		tags: new Set(body.tags ?? []),
		projectId: project.id,
		storageSizeMib: body.storage_size_mib ?? storage,
		hostnames: { public: host, private: `private-${host}` },
		port,
		ca: null,
		users: new Map([
			[
				adminUser,
				{ name: adminUser, role: "primary", password: newPassword() },
			],
		]),
		databases: new Set([adminDatabase]),
		rules: rulesFrom(context, body.rules ?? []),
		maintenance: { day: "sunday", hour: "04:00:00" },
		config: {},
	};
	state.databases.set(cluster.id, cluster);
	const urn = `do:dbaas:${cluster.id}`;
	if (body.project_id) assign(context, project, urn);
	else assignToDefault(context, urn);
	bringUp(context, cluster);
	return cluster;
}

/**
 * A cluster whose server does not come up is gone, so that who waits for it to
 * be online sees a 404 at once; the cause is among the account's failures.
 */
function bringUp(context: Context, cluster: DatabaseCluster): void {
	const { machines, queues, hosts, background } = context;
	background.run(`creation of database ${cluster.name}`, async () => {
		try {
			await queues.run(queueOf(cluster), async () => {
				const server = await machines.createDatabase({
					id: cluster.id,
					name: cluster.name,
					version: cluster.version,
					vpcId: cluster.vpcId,
					hostnames: cluster.hostnames,
					admin: {
						user: adminUser,
						password: cluster.users.get(adminUser)?.password ?? "",
						database: adminDatabase,
					},
					port: cluster.port,
				});
				hosts.set(cluster.hostnames.public, server.publicIp);
				hosts.set(cluster.hostnames.private, server.privateIp);
				cluster.ca = server.ca;
				cluster.status = "online";
			});
			await applyDatabaseFirewall(context, cluster);
		} catch (error) {
			await deleteCluster(context, cluster);
			throw error;
		}
	});
}

/** Resolves when the server is gone; until then the cluster is a member of its VPC. */
export async function deleteCluster(
	{ state, machines, queues, hosts }: Context,
	cluster: DatabaseCluster,
): Promise<void> {
	await queues.run(queueOf(cluster), () => machines.deleteDatabase(cluster.id));
	hosts.delete(cluster.hostnames.public);
	hosts.delete(cluster.hostnames.private);
	state.databases.delete(cluster.id);
	unassign(state, `do:dbaas:${cluster.id}`);
}

export function findCluster(state: State, id = ""): DatabaseCluster {
	const cluster = state.databases.get(id);
	if (!cluster) throw notFound();
	return cluster;
}

/** The cluster, once it can be worked on. */
export function onlineCluster(state: State, id = ""): DatabaseCluster {
	const cluster = findCluster(state, id);
	if (cluster.status !== "online")
		throw preconditionFailed("cluster is not online yet");
	return cluster;
}

/** A password of DigitalOcean's form. */
export const newPassword = (): string =>
	`AVNS_${randomBytes(15).toString("base64url")}`;
