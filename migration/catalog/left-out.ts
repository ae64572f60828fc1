import type { Obstacle } from "./items";
import { plainName } from "./keys";
import { isSupabaseSchema } from "./schemas";
import type { Catalog, Routine } from "./types";

/** Something of the source that does not come along by itself. */
export interface LeftOut {
	readonly object: string;
	readonly why: string;
	readonly todo: string;
	/** SQL that made it on the source, where a person may want to run it changed. */
	readonly statement?: string;
	/** A table that cannot be made: nothing may be copied before this is settled. */
	readonly blocks?: true;
}

/** A line for people. */
export function describeLeftOut({ object, why, todo }: LeftOut): string {
	return `${object}: ${why}; ${todo}`;
}

/** Supabase's schemas and what takes the place of what they do. */
const INSTEAD: Readonly<Record<string, string>> = {
	auth: "logins move to Stack Auth: let the backend set and check the user's id",
	storage: "let the backend keep track of files",
	realtime: "let the backend send changes to its clients",
	net: "let the backend or a worker make the call",
	supabase_functions: "let the backend or a worker make the call",
	cron: "let a worker run it on schedule",
	vault: "give the secret to the backend as one of its own",
	pgsodium: "let the backend encrypt, or use pgcrypto",
	graphql: "let the backend serve the interface",
	graphql_public: "let the backend serve the interface",
};

/** Extensions that are parts of Supabase's platform: of no use without it. */
export const PLATFORM_EXTENSIONS: Readonly<Record<string, string>> = {
	pg_cron: INSTEAD.cron as string,
	pg_graphql: INSTEAD.graphql as string,
	pg_net: INSTEAD.net as string,
	pgsodium: INSTEAD.pgsodium as string,
	supabase_vault: INSTEAD.vault as string,
};

/**
 * What functions use of Supabase: its documented functions and tables. Bodies are
 * text and leave no trace in pg_depend; a bare `net.` may as well be an alias.
 */
const USES_OF_SUPABASE =
	/(?<![\w".])"?(auth"?\s*\.\s*"?(?:uid|jwt|role|email|users|identities|sessions)|storage"?\s*\.\s*"?(?:buckets|objects|foldername|filename|extension|search)|realtime"?\s*\.\s*"?(?:send|broadcast_changes|messages|topic|subscription)|net"?\s*\.\s*"?_?http_\w+|supabase_functions"?\s*\.\s*"?\w+|cron"?\s*\.\s*"?(?:schedule\w*|unschedule|alter_job|job\w*)|vault"?\s*\.\s*"?\w*secrets?|pgsodium"?\s*\.\s*"?\w+|graphql"?\s*\.\s*"?resolve)\b/gi;

/**
 * Which of Supabase's functions and tables a routine uses, by its text, itself or
 * through others of the same catalog: `auth.uid`.
 */
export function usesOfSupabase(
	routines: readonly Routine[],
): ReadonlyMap<string, readonly string[]> {
	const texts = routines.map(({ identity, name, definition }) => ({
		identity,
		name,
		body: bodyOf(definition),
	}));
	const uses = new Map<string, Set<string>>();
	for (const { identity, body } of texts) {
		const found = [...body.matchAll(USES_OF_SUPABASE)].map(([, use]) =>
			(use as string).replaceAll(/["\s]/g, "").toLowerCase(),
		);
		if (found.length > 0) uses.set(identity, new Set(found));
	}
	// Who calls one of those uses the same; one that has just been found may have callers.
	const pending = texts.filter(({ identity }) => uses.has(identity));
	for (let used = pending.pop(); used; used = pending.pop()) {
		const call = callOf(used.name);
		const theirs = uses.get(used.identity) ?? [];
		for (const caller of texts) {
			if (!call.test(caller.body)) continue;
			const mine = uses.get(caller.identity) ?? new Set();
			const before = mine.size;
			for (const use of theirs) mine.add(use);
			uses.set(caller.identity, mine);
			if (mine.size > before) pending.push(caller);
		}
	}
	return new Map(
		[...uses].map(([identity, mine]) => [identity, [...mine].sort()]),
	);
}

/** Why something that is in no catalog of ours keeps others from coming along. */
export function obstacleOf(key: string): Obstacle {
	if (key === "table auth.users")
		return {
			why: "needs auth.users, which stays with Supabase",
			todo: "its ids become those of Stack Auth by the user map; let the backend see to it that they exist",
		};
	const [, schema] = /^[a-z ]+ ([a-z_]+)\./.exec(key) ?? [];
	const instead = schema && INSTEAD[schema];
	if (instead)
		return { why: `needs ${key}, which is Supabase's`, todo: instead };
	return {
		why: `needs ${key}, which does not come along`,
		todo: `bring that along too, or make both by hand`,
	};
}

/** What a function that comes along lacks on the other side. */
export function advise(uses: readonly string[]): string {
	const schemas = new Set(uses.map((use) => use.split(".")[0] as string));
	return [...new Set([...schemas].flatMap((name) => INSTEAD[name] ?? []))].join(
		"; ",
	);
}

/**
 * What a database has beside the objects that a schema is made of: no copy brings
 * it, and the new system may not want it.
 */
export function leftBehind(catalog: Catalog): LeftOut[] {
	const { platform, routines } = catalog;
	return [
		...rowSecurity(catalog),
		...platform.grants.map(({ role, objects }) => ({
			object: `grants to ${role}`,
			why: `on ${objects} objects; roles belong to a server and do not come along`,
			todo: isSupabaseRole(role)
				? "none of Supabase's roles logs in any more: the backend connects as one role and checks rights itself"
				: `create ${role} on the target and grant what it needs`,
		})),
		...routines
			.filter(({ restricted }) => restricted)
			.map(({ identity }) => ({
				object: `restriction of function ${identity}`,
				why: "comes along callable by every role that may log in",
				todo: `REVOKE EXECUTE ON ROUTINE ${identity} FROM PUBLIC, if others than the backend log in`,
			})),
		...platform.settings.map(({ role, setting }) => ({
			object: `setting ${setting} of ${role === null ? "the database" : `role ${role}`}`,
			why: "belongs to the database or role, not to its schema",
			todo: `set it on the target where the application relies on it (ALTER ${role === null ? "DATABASE" : "ROLE"} … SET)`,
		})),
		...platform.jobs.map(({ id, name, schedule, active }) => ({
			object: `scheduled job ${name ?? id}`,
			why: `pg_cron runs it (${schedule})${active ? "" : ", switched off"}`,
			todo: `${INSTEAD.cron}; its command: SELECT command FROM cron.job WHERE jobid = ${id}`,
		})),
		...(platform.largeObjects > 0
			? [
					{
						object: `${platform.largeObjects} large objects`,
						why: "are not rows of a table",
						todo: "move them by hand (lo_get, lo_from_bytea); columns that refer to them hold their OIDs",
					},
				]
			: []),
		...platform.otherSchemas
			.filter((name) => !isSupabaseSchema(name))
			.map((name) => ({
				object: `schema ${plainName(name)}`,
				why: "was not asked for",
				todo: "name it, if the application uses it",
			})),
	];
}

function rowSecurity(catalog: Catalog): LeftOut[] {
	return [...catalog.tables, ...catalog.partitions].flatMap((table) => {
		const mine = catalog.policies.filter(
			(policy) => policy.schema === table.schema && policy.table === table.name,
		);
		if (!table.rowSecurity && mine.length === 0) return [];
		return [
			{
				object: `row security of ${plainName(table.schema, table.name)}`,
				why:
					mine.length === 0
						? "no policy: only its owner and service_role could see rows"
						: `${mine.length} ${mine.length === 1 ? "policy" : "policies"} for Supabase's roles: ${mine.map(({ name }) => plainName(name)).join(", ")}`,
				todo: "let the backend check who may see and write which rows",
				statement: [
					`ALTER TABLE ${plainName(table.schema, table.name)} ENABLE ROW LEVEL SECURITY`,
					...mine.map(({ definition }) => definition),
				].join(";\n"),
			},
		];
	});
}

function isSupabaseRole(role: string): boolean {
	return /^(anon|authenticated|authenticator|service_role|dashboard_user|postgres|pgbouncer|pgsodium_.*|supabase_.*)$/.test(
		role,
	);
}

/** The definition without its first line, which names itself, and without comments. */
function bodyOf(definition: string): string {
	return definition
		.slice(definition.indexOf("\n"))
		.replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\//g, "");
}

function callOf(name: string): RegExp {
	const text = name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
	return new RegExp(`(?<!\\w)"?${text}"?\\s*\\(`);
}
