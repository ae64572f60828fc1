import type { ClientBase } from "pg";
import { ExitCode, MigrationError } from "../errors";
import { CREATE_MIRROR } from "../follow/users";
import { relationExists } from "../sql";
import { insertUser, type Made } from "./make";
import { ensureUserMap, lockUserMap, readUserMap, writeUser } from "./map";
import type { StackAuth, StackAuthUser } from "./stack-auth";
import { NOTHING_SENT } from "./wanted";

export interface BackOptions {
	/** The old system's name of each provider, by the new project's. */
	readonly oauthProviders: ReadonlyMap<string, string>;
	readonly dryRun: boolean;
}

/** Somebody who signed up in the new system. */
export interface NewUser {
	readonly id: string;
	/** Masked; null where there is none. */
	readonly email: string | null;
	/** What a person should know; empty where nothing stood in the way. */
	readonly remarks: readonly string[];
}

export interface BackResult {
	/** All that the new system has, but for anonymous ones. */
	readonly total: number;
	/** Made in the old system by this run, without a password. */
	readonly made: readonly NewUser[];
	readonly anonymous: number;
}

/**
 * Makes those who signed up in the new system in the old one as well, under the same
 * id, and notes them in the map and its mirror: a later run of users knows them. Their
 * passwords cannot be read from Stack Auth, so they choose new ones by the old log-in's
 * reset. Nobody who is there is changed. Cut short, it goes on when called again.
 *
 * @throws MigrationError (exit 4) where the role may not write Supabase's users.
 */
export async function bringUsersBack(
	{
		source,
		target,
	}: { readonly source: ClientBase; readonly target: ClientBase },
	stackAuth: StackAuth,
	options: BackOptions,
): Promise<BackResult> {
	if (!options.dryRun) {
		await lockUserMap(target);
		await ensureUserMap(target);
		await source.query(CREATE_MIRROR);
	}
	const known = (await relationExists(target, "cutover.user_map"))
		? await readUserMap(target, "new_id")
		: new Map<string, never>();
	const made: NewUser[] = [];
	let [total, anonymous] = [0, 0];
	for await (const user of stackAuth.all()) {
		if (user.is_anonymous) {
			anonymous++;
			continue;
		}
		total++;
		if (known.has(user.id)) continue;
		const remarks = await bringBack({ source, target }, user, options);
		if (remarks)
			made.push({ id: user.id, email: maskEmail(user.primary_email), remarks });
	}
	return { total, made, anonymous };
}

/** Written to the source before the map: a run that was cut short finds them there. */
async function bringBack(
	{
		source,
		target,
	}: { readonly source: ClientBase; readonly target: ClientBase },
	user: StackAuthUser,
	{ oauthProviders, dryRun }: BackOptions,
): Promise<Made> {
	if (dryRun) return [];
	// One that a run of users has made, and whose note was lost, is nobody new.
	const oldId = user.server_metadata?.supabase?.id ?? user.id;
	await source.query("BEGIN");
	try {
		const made = await insertUser(source, oldId, user, oauthProviders);
		await source.query(
			"INSERT INTO cutover.user_map (old_id, new_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
			[oldId, user.id],
		);
		await source.query("COMMIT");
		await writeUser(target, {
			old_id: oldId,
			new_id: user.id,
			state: "moved",
			reason: null,
			sent: NOTHING_SENT,
		});
		return made;
	} catch (error) {
		await source.query("ROLLBACK").catch(() => {});
		throw refusal(error);
	}
}

/** insufficient_privilege */
const DENIED = "42501";

function refusal(error: unknown): unknown {
	const { code, message } = error as { code?: string; message?: string };
	if (code !== DENIED) return error;
	return new MigrationError(
		{
			expected:
				"a role on the source that may insert into auth.users and auth.identities and set session_replication_role",
			found: message ?? "",
			fix: "use Supabase's own role postgres, which may; elsewhere a superuser has to GRANT INSERT, SELECT ON auth.users, auth.identities and GRANT SET ON PARAMETER session_replication_role",
		},
		ExitCode.refused,
	);
}

/** An address for a list that people read: `a…@example.com`. */
export function maskEmail(email: string | null): string | null {
	if (email === null) return null;
	const at = email.lastIndexOf("@");
	return `${[...email][0] ?? ""}…${at < 0 ? "" : email.slice(at)}`;
}
