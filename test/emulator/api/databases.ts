import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { Context } from "../context";
import type { DatabaseCluster, DatabaseRule, State } from "../state";
import { accountNumber } from "./account";
import { databaseSizes, databaseVersions, findRegion } from "./catalog";
import { applyDatabaseFirewall } from "./database-firewall";
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
import { type Route, route } from "./router";
import * as shape from "./shapes";
import { tagName } from "./tags";
import { vpcFor } from "./vpcs";

export const clusterPath = "/v2/databases/{database_cluster_uuid}";

/** The port of managed PostgreSQL, without the connection pool. */
const port = 25060;
const adminUser = "doadmin";
const adminDatabase = "defaultdb";

export const ruleRequest = z.object({
	type: z.enum(["droplet", "k8s", "ip_addr", "tag", "app"]),
	value: z.string().min(1),
	description: z.string().optional(),
});

const createRequest = z.object({
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

/** Clusters: creating until their server answers over TLS, then online. */
export function databaseRoutes(context: Context): Route[] {
	const { state } = context;
	return [
		route({
			method: "GET",
			path: "/v2/databases",
			status: 200,
			answer: shape.bareList("databases", shape.databaseCluster),
			handle: (call) => {
				const tag = call.query.get("tag_name");
				return {
					databases: [...state.databases.values()]
						.filter((cluster) => !tag || cluster.tags.has(tag))
						.map(clusterView),
				};
			},
		}),
		route({
			method: "POST",
			path: "/v2/databases",
			status: 201,
			request: createRequest,
			answer: shape.one("database", shape.databaseCluster),
			handle: async ({ body }) => ({
				database: clusterView(await createCluster(context, body)),
			}),
		}),
		route({
			method: "GET",
			path: clusterPath,
			status: 200,
			answer: shape.one("database", shape.databaseCluster),
			handle: (call) => ({
				database: clusterView(
					findCluster(state, call.params.database_cluster_uuid),
				),
			}),
		}),
		route({
			method: "DELETE",
			path: clusterPath,
			status: 204,
			handle: (call) => {
				deleteCluster(
					context,
					findCluster(state, call.params.database_cluster_uuid),
				);
			},
		}),
		route({
			method: "GET",
			path: `${clusterPath}/ca`,
			status: 200,
			answer: shape.one("ca", shape.databaseCa),
			handle: (call) => {
				const { ca } = onlineCluster(state, call.params.database_cluster_uuid);
				return {
					ca: { certificate: Buffer.from(ca ?? "").toString("base64") },
				};
			},
		}),
		route({
			method: "GET",
			path: `${clusterPath}/firewall`,
			status: 200,
			answer: shape.bareList("rules", shape.databaseRule),
			handle: (call) => {
				const cluster = findCluster(state, call.params.database_cluster_uuid);
				return {
					rules: cluster.rules.map(({ createdAt, ...rule }) => ({
						...rule,
						cluster_uuid: cluster.id,
						created_at: createdAt,
					})),
				};
			},
		}),
		route({
			method: "PUT",
			path: `${clusterPath}/firewall`,
			status: 204,
			request: z.object({ rules: z.array(ruleRequest) }),
			handle: async (call) => {
				const cluster = findCluster(state, call.params.database_cluster_uuid);
				cluster.rules = rulesFrom(context, call.body.rules);
				await applyDatabaseFirewall(context, cluster);
			},
		}),
		route({
			method: "PUT",
			path: `${clusterPath}/maintenance`,
			status: 204,
			request: z.object({ day: z.string(), hour: z.string() }),
			handle: (call) => {
				findCluster(state, call.params.database_cluster_uuid).maintenance = {
					...call.body,
				};
			},
		}),
		route({
			method: "GET",
			path: `${clusterPath}/config`,
			status: 200,
			answer: shape.one("config", z.record(z.string(), z.unknown())),
			handle: (call) => ({
				config: findCluster(state, call.params.database_cluster_uuid).config,
			}),
		}),
		route({
			method: "PATCH",
			path: `${clusterPath}/config`,
			status: 200,
			request: z.object({ config: z.record(z.string(), z.unknown()) }),
			handle: (call) => {
				Object.assign(
					findCluster(state, call.params.database_cluster_uuid).config,
					call.body.config,
				);
				return {};
			},
		}),
		route({
			method: "GET",
			path: "/v2/databases/options",
			status: 200,
			answer: z.object({ options: z.object({ pg: z.object({}) }) }),
			handle: () => ({ options: { pg: options() } }),
		}),
	];
}

function rulesFrom(
	{ state, clock, ids }: Context,
	rules: z.infer<typeof ruleRequest>[],
): DatabaseRule[] {
	return rules.map((rule) => {
		if (rule.type === "droplet" && !state.droplets.has(Number(rule.value)))
			throw unprocessable(`invalid droplet ${rule.value}`);
		return { ...rule, uuid: ids.uuid(), createdAt: clock.timestamp() };
	});
}

async function createCluster(
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

/** A cluster whose server does not come up stays "creating"; the cause is among the account's failures. */
function bringUp(context: Context, cluster: DatabaseCluster): void {
	const { machines, queues, hosts, background, state } = context;
	background.run(`creation of database ${cluster.name}`, async () => {
		await queues.run(`database ${cluster.id}`, async () => {
			if (!state.databases.has(cluster.id)) return;
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
	});
}

function deleteCluster(context: Context, cluster: DatabaseCluster): void {
	const { state, machines, queues, hosts, background } = context;
	state.databases.delete(cluster.id);
	unassign(state, `do:dbaas:${cluster.id}`);
	background.run(`deletion of database ${cluster.name}`, () =>
		queues.run(`database ${cluster.id}`, async () => {
			await machines.deleteDatabase(cluster.id);
			hosts.delete(cluster.hostnames.public);
			hosts.delete(cluster.hostnames.private);
		}),
	);
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

function options() {
	return {
		regions: ["nyc1", "nyc3"],
		versions: databaseVersions,
		default_version: "17",
		layouts: [{ num_nodes: 1, sizes: Object.keys(databaseSizes) }],
	};
}

function clusterView(cluster: DatabaseCluster) {
	return {
		id: cluster.id,
		name: cluster.name,
		engine: "pg",
		version: cluster.version,
		semantic_version: `${cluster.version}.0`,
		connection: connectionView(cluster, cluster.hostnames.public),
		private_connection: connectionView(cluster, cluster.hostnames.private),
		users: [...cluster.users.values()].map((user) => ({ ...user })),
		db_names: [...cluster.databases],
		num_nodes: cluster.numNodes,
		size: cluster.size,
		region: cluster.regionSlug,
		status: cluster.status,
		maintenance_window: { ...cluster.maintenance, pending: false },
		created_at: cluster.createdAt,
		private_network_uuid: cluster.vpcId,
		tags: [...cluster.tags],
		project_id: cluster.projectId,
		storage_size_mib: cluster.storageSizeMib,
	};
}

function connectionView(cluster: DatabaseCluster, host: string) {
	const password = cluster.users.get(adminUser)?.password ?? "";
	return {
		protocol: "postgresql",
		uri: `postgresql://${adminUser}:${password}@${host}:${cluster.port}/${adminDatabase}?sslmode=require`,
		database: adminDatabase,
		host,
		port: cluster.port,
		user: adminUser,
		password,
		ssl: true,
	};
}
