import { z } from "zod";
import type { Context } from "../context";
import type { DatabaseCluster, DatabaseUser } from "../state";
import { findCluster, newPassword, onlineCluster } from "./database-clusters";
import { queueOf } from "./database-firewall";
import { clusterPath } from "./databases";
import { conflict, forbidden, notFound } from "./errors";
import { type Call, type Route, route } from "./router";
import * as shape from "./shapes";

const databases = `${clusterPath}/dbs`;
const users = `${clusterPath}/users`;
const identifier = z
	.string()
	.regex(/^[A-Za-z0-9_-]{1,63}$/, "may only contain letters, digits, - and _");
const settings = z.record(z.string(), z.unknown());

/** The databases and users inside a cluster. */
export function databaseMemberRoutes(context: Context): Route[] {
	const { state, machines, queues } = context;
	const found = (call: Call) =>
		findCluster(state, call.params.database_cluster_uuid);
	/** Changes a cluster's server, one change at a time. */
	const change = <T>(
		call: Call,
		work: (cluster: DatabaseCluster) => Promise<T>,
	): Promise<T> => {
		const cluster = onlineCluster(state, call.params.database_cluster_uuid);
		return queues.run(queueOf(cluster), () => work(cluster));
	};
	return [
		route({
			method: "GET",
			path: databases,
			status: 200,
			answer: shape.bareList("dbs", shape.databaseName),
			handle: (call) => ({
				dbs: [...found(call).databases].map((name) => ({ name })),
			}),
		}),
		route({
			method: "POST",
			path: databases,
			status: 201,
			request: z.object({ name: identifier }),
			answer: shape.one("db", shape.databaseName),
			handle: (call) =>
				change(call, async (cluster) => {
					const { name } = call.body;
					if (cluster.databases.has(name))
						throw conflict("database name is not available");
					await machines.addDatabase(cluster.id, name);
					cluster.databases.add(name);
					return { db: { name } };
				}),
		}),
		route({
			method: "GET",
			path: `${databases}/{database_name}`,
			status: 200,
			answer: shape.one("db", shape.databaseName),
			handle: (call) => ({
				db: { name: findDatabase(found(call), call.params.database_name) },
			}),
		}),
		route({
			method: "DELETE",
			path: `${databases}/{database_name}`,
			status: 204,
			handle: (call) =>
				change(call, async (cluster) => {
					const name = findDatabase(cluster, call.params.database_name);
					await machines.dropDatabase(cluster.id, name);
					cluster.databases.delete(name);
				}),
		}),
		route({
			method: "GET",
			path: users,
			status: 200,
			answer: shape.bareList("users", shape.databaseUser),
			handle: (call) => ({
				users: [...found(call).users.values()].map(view),
			}),
		}),
		route({
			method: "POST",
			path: users,
			status: 201,
			request: z.object({ name: identifier, settings: settings.optional() }),
			answer: shape.one("user", shape.databaseUser),
			handle: (call) =>
				change(call, async (cluster) => {
					const { name } = call.body;
					if (cluster.users.has(name))
						throw conflict("user name is not available");
					const user: DatabaseUser = {
						name,
						role: "normal",
						password: newPassword(),
						...(call.body.settings ? { settings: call.body.settings } : {}),
					};
					await machines.setDatabaseUser(cluster.id, name, user.password);
					cluster.users.set(name, user);
					return { user: view(user) };
				}),
		}),
		route({
			method: "GET",
			path: `${users}/{username}`,
			status: 200,
			answer: shape.one("user", shape.databaseUser),
			handle: (call) => ({
				user: view(findUser(found(call), call.params.username)),
			}),
		}),
		route({
			method: "PUT",
			path: `${users}/{username}`,
			status: 201,
			request: z.object({ settings }),
			answer: shape.one("user", shape.databaseUser),
			handle: (call) => {
				const user = findUser(found(call), call.params.username);
				user.settings = call.body.settings;
				return { user: view(user) };
			},
		}),
		route({
			method: "DELETE",
			path: `${users}/{username}`,
			status: 204,
			handle: (call) =>
				change(call, async (cluster) => {
					const user = findUser(cluster, call.params.username);
					if (user.role === "primary")
						throw forbidden("the primary user can not be deleted");
					await machines.dropDatabaseUser(cluster.id, user.name);
					cluster.users.delete(user.name);
				}),
		}),
		route({
			method: "POST",
			path: `${users}/{username}/reset_auth`,
			status: 200,
			answer: shape.one("user", shape.databaseUser),
			handle: (call) =>
				change(call, async (cluster) => {
					const user = findUser(cluster, call.params.username);
					const password = newPassword();
					await machines.setDatabaseUser(cluster.id, user.name, password);
					user.password = password;
					return { user: view(user) };
				}),
		}),
	];
}

function findDatabase(cluster: DatabaseCluster, name = ""): string {
	if (!cluster.databases.has(name)) throw notFound();
	return name;
}

function findUser(cluster: DatabaseCluster, name = ""): DatabaseUser {
	const user = cluster.users.get(name);
	if (!user) throw notFound();
	return user;
}

const view = (user: DatabaseUser) => ({ ...user });
