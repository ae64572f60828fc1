import type { DatabaseClusterArgs } from "@pulumi/digitalocean";
import type { Unwrap } from "@pulumi/pulumi";
import { until } from "../base/poll";
import { typed } from "../base/typed";
import { during } from "./api";
import { api } from "./client";
import { setTags } from "./tags";

type Args = Unwrap<DatabaseClusterArgs>;

interface Connection {
	uri: string;
	database: string;
	host: string;
	port: number;
	user: string;
	password: string;
}

export interface Database {
	id: string;
	name: string;
	engine: string;
	version: string;
	size: string;
	region: string;
	num_nodes: number;
	status: string;
	storage_size_mib?: number;
	tags?: string[] | null;
	private_network_uuid?: string;
	project_id?: string;
	connection?: Connection;
	private_connection?: Connection;
	ui_connection?: Partial<Connection> | null;
	maintenance_window?: { day: string; hour: string } | null;
	metrics_endpoints?: { host: string; port: number }[] | null;
}

/** Longest wait for a cluster, by the official provider. */
const ONLINE_SECONDS = 1_800;

/** The URI with the credentials in it, which the API may leave out later. */
function uriOf(
	connection: Connection | undefined,
	password: string,
): string | undefined {
	if (connection === undefined) {
		return undefined;
	}
	const uri = new URL(connection.uri);
	uri.username = encodeURIComponent(connection.user);
	uri.password = encodeURIComponent(password);
	return uri.toString();
}

/**
 * What resource and function tell of a cluster alike.
 *
 * @param password the one in the state, for answers that carry none
 */
export function describeCluster(database: Database, password = "") {
	const { connection, private_connection: inside } = database;
	const secret = connection?.password || password;
	return {
		name: database.name,
		engine: database.engine,
		version: database.version,
		size: database.size,
		region: database.region,
		nodeCount: database.num_nodes,
		storageSizeMib: String(database.storage_size_mib ?? 0),
		tags: database.tags ?? undefined,
		host: connection?.host,
		port: connection?.port,
		uri: uriOf(connection, secret),
		database: connection?.database,
		user: connection?.user,
		password: secret,
		privateHost: inside?.host,
		privateUri: uriOf(inside, secret),
		metricsEndpoints: (database.metrics_endpoints ?? []).map(
			({ host, port }) => `https://${host}:${port}/metrics`,
		),
		clusterUrn: `do:dbaas:${database.id}`,
		privateNetworkUuid: database.private_network_uuid,
		projectId: database.project_id,
	};
}

/** Only OpenSearch clusters have a user interface; the others tell empty values. */
function describeUi({ ui_connection: ui }: Database) {
	return {
		uiHost: ui?.host ?? "",
		uiPort: ui?.port ?? 0,
		uiUri: ui?.uri ?? "",
		uiDatabase: ui?.database ?? "",
		uiUser: ui?.user ?? "",
		uiPassword: ui?.password ?? "",
	};
}

function outputs(database: Database, args: Partial<Args>, password?: string) {
	const maintained = args.maintenanceWindows && database.maintenance_window;
	return {
		...describeCluster(database, password),
		...describeUi(database),
		maintenanceWindows: maintained
			? [windowLike(args.maintenanceWindows?.[0], maintained)]
			: args.maintenanceWindows,
		backupRestore: args.backupRestore,
		storageAutoscale: args.storageAutoscale,
		evictionPolicy: args.evictionPolicy,
		sqlMode: args.sqlMode,
	};
}

type State = ReturnType<typeof outputs>;

/** "13:00" and "13:00:00" are the same hour; the program's spelling stays. */
function windowLike(
	wanted: { day: string; hour: string } | undefined,
	found: { day: string; hour: string },
) {
	const minutes = (hour: string) => hour.split(":").slice(0, 2).join(":");
	return {
		day: found.day,
		hour:
			wanted && minutes(wanted.hour) === minutes(found.hour)
				? wanted.hour
				: found.hour,
	};
}

async function find(id: string): Promise<Database | undefined> {
	const found = await during(
		"Error retrieving database cluster",
		api().find<{ database: Database }>(`/v2/databases/${id}`),
	);
	return found?.database;
}

function online(
	id: string,
	seconds: number,
	signal: AbortSignal,
): Promise<Database> {
	return until(
		async () => {
			const database = await find(id);
			return database?.status === "online" ? database : undefined;
		},
		{ what: () => "database cluster to become online", seconds, signal },
	);
}

function setMaintenance(id: string, args: Args): Promise<unknown> {
	return during(
		"Error updating maintenance window for database cluster",
		api().request(
			"PUT",
			`/v2/databases/${id}/maintenance`,
			args.maintenanceWindows?.[0] ?? {},
		),
	);
}

function createRequest(args: Args) {
	return {
		name: args.name,
		engine: args.engine,
		version: args.version,
		size: args.size,
		region: args.region,
		num_nodes: args.nodeCount,
		tags: args.tags ?? [],
		...(args.privateNetworkUuid
			? { private_network_uuid: args.privateNetworkUuid }
			: {}),
		...(args.projectId ? { project_id: args.projectId } : {}),
		...(args.storageSizeMib
			? { storage_size_mib: Number(args.storageSizeMib) }
			: {}),
		...(args.backupRestore
			? {
					backup_restore: {
						database_name: args.backupRestore.databaseName,
						backup_created_at: args.backupRestore.backupCreatedAt,
					},
				}
			: {}),
	};
}

/** Size and number of nodes, then region, each awaited. */
async function resize(
	id: string,
	olds: State,
	news: Args,
	seconds: number,
	signal: AbortSignal,
): Promise<void> {
	const storage =
		news.storageSizeMib && news.storageSizeMib !== olds.storageSizeMib
			? { storage_size_mib: Number(news.storageSizeMib) }
			: {};
	if (
		news.size !== olds.size ||
		news.nodeCount !== olds.nodeCount ||
		"storage_size_mib" in storage
	) {
		await during(
			"Error resizing database cluster",
			api().request("PUT", `/v2/databases/${id}/resize`, {
				size: news.size,
				num_nodes: news.nodeCount,
				...storage,
			}),
		);
		await online(id, seconds, signal);
	}
	if (news.region !== olds.region) {
		await during(
			"Error migrating database cluster",
			api().request("PUT", `/v2/databases/${id}/migrate`, {
				region: news.region,
			}),
		);
		await online(id, seconds, signal);
	}
}

/** `digitalocean:index/databaseCluster:DatabaseCluster` */
export const databaseCluster = typed<Args, State>({
	sets: ["tags"],
	writeOnly: ["backupRestore"],
	check: (args) =>
		args.version === undefined
			? [
					{
						property: "version",
						reason:
							'The argument "version" is required, but no definition was found.',
					},
				]
			: [],
	async create(args, { signal, timeout }) {
		const { database } = await during(
			"Error creating database cluster",
			api().request<{ database: Database }>(
				"POST",
				"/v2/databases",
				createRequest(args),
			),
		);
		await during(
			"Error creating database cluster",
			online(database.id, timeout || ONLINE_SECONDS, signal),
		);
		if (args.maintenanceWindows) {
			await setMaintenance(database.id, args);
		}
		const described = (await find(database.id)) ?? database;
		return {
			id: database.id,
			outputs: outputs(described, args, database.connection?.password),
		};
	},
	async read(id, state) {
		const database = await find(id);
		return (
			database && { id, outputs: outputs(database, state, state.password) }
		);
	},
	async update(id, olds, news, { signal, timeout }) {
		await resize(id, olds, news, timeout || ONLINE_SECONDS, signal);
		if (
			news.maintenanceWindows &&
			JSON.stringify(news.maintenanceWindows) !==
				JSON.stringify(olds.maintenanceWindows)
		) {
			await setMaintenance(id, news);
		}
		if (news.version !== olds.version) {
			await during(
				"Error upgrading version for database cluster",
				api().request("PUT", `/v2/databases/${id}/upgrade`, {
					version: news.version,
				}),
			);
		}
		await during(
			"Error updating tags",
			setTags("database", id, olds.tags ?? [], news.tags ?? []),
		);
		const database = await find(id);
		if (database === undefined) {
			throw new Error(`Error retrieving database cluster: ${id} is gone`);
		}
		return outputs(database, news, olds.password);
	},
	async delete(id) {
		await during(
			"Error deleting database cluster",
			api().request("DELETE", `/v2/databases/${id}`),
		);
	},
});
