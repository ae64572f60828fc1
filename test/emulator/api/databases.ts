import { z } from "zod";
import type { Context } from "../context";
import type { DatabaseCluster } from "../state";
import { databaseSizes, databaseVersions } from "./catalog";
import {
	adminDatabase,
	adminUser,
	createCluster,
	createRequest,
	deleteCluster,
	findCluster,
	onlineCluster,
	ruleRequest,
	rulesFrom,
} from "./database-clusters";
import { applyDatabaseFirewall } from "./database-firewall";
import { type Route, route } from "./router";
import * as shape from "./shapes";

export const clusterPath = "/v2/databases/{database_cluster_uuid}";

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
			handle: (call) =>
				deleteCluster(
					context,
					findCluster(state, call.params.database_cluster_uuid),
				),
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
