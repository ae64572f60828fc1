import type {
	DatabaseDbArgs,
	DatabaseFirewallArgs,
	DatabaseUserArgs,
} from "@pulumi/digitalocean";
import type { Unwrap } from "@pulumi/pulumi";
import { typed } from "../base/typed";
import { during } from "./api";
import { api } from "./client";
import { uniqueId } from "./ids";

/*
 * What lies in a database cluster. Imports name the cluster and the member
 * joined with a comma: "id,name".
 */

interface Member {
	clusterId: string;
	name: string;
}

/** Cluster and name from the state, or from an import's id. */
function locate(id: string, state: Partial<Member>, kind: string): Member {
	const [cluster, ...name] = id.split(",");
	const member = {
		clusterId: state.clusterId ?? cluster ?? "",
		name: state.name ?? name.join(","),
	};
	if (member.name === "") {
		throw new Error(
			`must use the ID of the source database cluster and the name of the ${kind} joined with a comma (e.g. \`id,name\`)`,
		);
	}
	return member;
}

type DbArgs = Unwrap<DatabaseDbArgs>;

/** `digitalocean:index/databaseDb:DatabaseDb` */
export const databaseDb = typed<DbArgs, Member>({
	replaces: () => true,
	async create(args) {
		const { db } = await during(
			"Error creating Database DB",
			api().request<{ db: { name: string } }>(
				"POST",
				`/v2/databases/${args.clusterId}/dbs`,
				{ name: args.name },
			),
		);
		return {
			id: `${args.clusterId}/database/${db.name}`,
			outputs: { clusterId: args.clusterId, name: db.name },
		};
	},
	async read(id, state) {
		const member = locate(id, state, "database");
		const found = await during(
			"Error retrieving Database DB",
			api().find<object>(
				`/v2/databases/${member.clusterId}/dbs/${member.name}`,
			),
		);
		return (
			found && {
				id: `${member.clusterId}/database/${member.name}`,
				outputs: member,
			}
		);
	},
	async delete(_id, state) {
		await during(
			"Error deleting Database DB",
			api().request(
				"DELETE",
				`/v2/databases/${state.clusterId}/dbs/${state.name}`,
			),
		);
	},
});

type UserArgs = Unwrap<DatabaseUserArgs>;

/** A database user as the API describes it. */
export interface DatabaseUser {
	name: string;
	role?: string;
	password?: string;
	access_cert?: string;
	access_key?: string;
	mysql_settings?: { auth_plugin: string };
}

function userOutputs(
	user: DatabaseUser,
	clusterId: string,
	state: { password?: string; settings?: UserArgs["settings"] },
) {
	return {
		clusterId,
		name: user.name,
		role: user.role || "normal",
		password: user.password || state.password || "",
		accessCert: user.access_cert ?? "",
		accessKey: user.access_key ?? "",
		mysqlAuthPlugin: user.mysql_settings?.auth_plugin,
		settings: state.settings,
	};
}

type UserState = ReturnType<typeof userOutputs>;

async function findUser(
	{ clusterId, name }: Member,
	state: Partial<UserState>,
): Promise<UserState | undefined> {
	const found = await during(
		"Error retrieving Database User",
		api().find<{ user: DatabaseUser }>(
			`/v2/databases/${clusterId}/users/${name}`,
		),
	);
	return found && userOutputs(found.user, clusterId, state);
}

/** Users of one cluster are made and removed one after the other. */
let turn: Promise<unknown> = Promise.resolve();

function inTurn<T>(action: () => Promise<T>): Promise<T> {
	const result = turn.then(action, action);
	turn = result.catch(() => {});
	return result;
}

/** `digitalocean:index/databaseUser:DatabaseUser` */
export const databaseUser = typed<UserArgs, UserState>({
	writeOnly: ["settings"],
	async create(args) {
		const { user } = await during(
			"Error creating Database User",
			inTurn(() =>
				api().request<{ user: DatabaseUser }>(
					"POST",
					`/v2/databases/${args.clusterId}/users`,
					{
						name: args.name,
						...(args.mysqlAuthPlugin
							? { mysql_settings: { auth_plugin: args.mysqlAuthPlugin } }
							: {}),
					},
				),
			),
		);
		return {
			id: `${args.clusterId}/user/${user.name}`,
			outputs: userOutputs(user, args.clusterId, args),
		};
	},
	async read(id, state) {
		const member = locate(id, state, "user");
		const found = await findUser(member, state);
		return (
			found && {
				id: `${member.clusterId}/user/${member.name}`,
				outputs: found,
			}
		);
	},
	async update(_id, olds, news) {
		const plugin = news.mysqlAuthPlugin ?? "caching_sha2_password";
		if (plugin !== olds.mysqlAuthPlugin) {
			await during(
				"Error updating mysql_auth_plugin for DatabaseUser",
				api().request(
					"POST",
					`/v2/databases/${olds.clusterId}/users/${olds.name}/reset_auth`,
					{ mysql_settings: { auth_plugin: plugin } },
				),
			);
		}
		const found = await findUser(olds, olds);
		if (found === undefined) {
			throw new Error(`Error retrieving Database User: ${olds.name} is gone`);
		}
		return found;
	},
	async delete(_id, state) {
		await during(
			"Error deleting Database User",
			inTurn(() =>
				api().request(
					"DELETE",
					`/v2/databases/${state.clusterId}/users/${state.name}`,
				),
			),
		);
	},
});

type FirewallArgs = Unwrap<DatabaseFirewallArgs>;

interface Rule {
	uuid: string;
	type: string;
	value: string;
	created_at: string;
}

interface FirewallState {
	clusterId: string;
	rules: { uuid: string; type: string; value: string; createdAt: string }[];
}

async function findRules(
	clusterId: string,
): Promise<FirewallState | undefined> {
	const found = await during(
		"Error retrieving DatabaseFirewall",
		api().find<{ rules: Rule[] }>(`/v2/databases/${clusterId}/firewall`),
	);
	return (
		found && {
			clusterId,
			rules: found.rules.map(({ uuid, type, value, created_at }) => ({
				uuid,
				type,
				value,
				createdAt: created_at,
			})),
		}
	);
}

async function setRules(
	what: string,
	clusterId: string,
	rules: FirewallArgs["rules"],
): Promise<FirewallState> {
	await during(
		what,
		api().request("PUT", `/v2/databases/${clusterId}/firewall`, {
			rules: rules.map(({ type, value }) => ({ type, value })),
		}),
	);
	return (await findRules(clusterId)) ?? { clusterId, rules: [] };
}

/** `digitalocean:index/databaseFirewall:DatabaseFirewall` */
export const databaseFirewall = typed<FirewallArgs, FirewallState>({
	sets: ["rules"],
	async create(args) {
		return {
			id: uniqueId(`${args.clusterId}-`),
			outputs: await setRules(
				"Error creating DatabaseFirewall",
				args.clusterId,
				args.rules,
			),
		};
	},
	async read(id, state) {
		const found = await findRules(state.clusterId ?? id);
		const imported = state.clusterId === undefined;
		return found && { id: imported ? uniqueId(`${id}-`) : id, outputs: found };
	},
	async update(_id, olds, news) {
		return setRules(
			"Error updating DatabaseFirewall",
			olds.clusterId,
			news.rules,
		);
	},
	async delete(_id, state) {
		await setRules("Error deleting DatabaseFirewall", state.clusterId, []);
	},
});
