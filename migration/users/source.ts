import { join } from "node:path";
import type { ClientBase } from "pg";
import { type FileSum, SUFFIX, writeCompressed } from "../copy/files";
import { relationExists } from "../sql";
import { readLines } from "./lines";

/** What the users step needs of a row of auth.users, with what hangs on it. */
export interface SourceUser {
	readonly id: string;
	readonly email: string | null;
	readonly phone: string | null;
	readonly encrypted_password: string | null;
	readonly email_confirmed_at: string | null;
	readonly phone_confirmed_at: string | null;
	readonly created_at: string | null;
	readonly last_sign_in_at: string | null;
	readonly raw_user_meta_data: Record<string, unknown> | null;
	readonly raw_app_meta_data: Record<string, unknown> | null;
	/** ISO 8601 or `infinity`. */
	readonly banned_until: string | null;
	readonly deleted_at: string | null;
	readonly is_anonymous: boolean;
	readonly is_sso_user: boolean;
	/** The first made first. */
	readonly identities: readonly SourceIdentity[];
	/** The last used first. */
	readonly factors: readonly SourceFactor[];
}

export interface SourceIdentity {
	/** `email`, `phone`, `google`, `sso:…` */
	readonly provider: string;
	readonly provider_id: string;
	readonly email: string | null;
}

export interface SourceFactor {
	/** `totp`, `phone` or `webauthn`. */
	readonly type: string;
	readonly verified: boolean;
	/** Base 32, unless Supabase Auth encrypts its secrets. */
	readonly secret: string | null;
}

/** Whether the database has Supabase's users. */
export async function hasAuth(client: ClientBase): Promise<boolean> {
	return relationExists(client, "auth.users");
}

/**
 * Reads through JSON, as the columns of auth.users differ between versions of
 * Supabase's Auth: one that is missing is null here. Oldest first, so that among
 * users with one address the first comer is known; users of single sign-on last,
 * as their addresses need not be their own.
 */
function usersQuery(withFactors: boolean): string {
	const factors = `
		SELECT jsonb_agg(jsonb_build_object(
			'type', f.j -> 'factor_type',
			'verified', f.j ->> 'status' = 'verified',
			'secret', f.j -> 'secret'
		) ORDER BY f.j ->> 'last_challenged_at' DESC NULLS LAST, f.j ->> 'created_at' DESC, f.j ->> 'id')
		FROM (SELECT to_jsonb(x) AS j FROM auth.mfa_factors x WHERE x.user_id = u.id) f
	`;
	return `
		SELECT jsonb_build_object(
			'id', u.j -> 'id',
			'email', nullif(u.j ->> 'email', ''),
			'phone', nullif(u.j ->> 'phone', ''),
			'encrypted_password', nullif(u.j ->> 'encrypted_password', ''),
			'email_confirmed_at', u.j -> 'email_confirmed_at',
			'phone_confirmed_at', u.j -> 'phone_confirmed_at',
			'created_at', u.j -> 'created_at',
			'last_sign_in_at', u.j -> 'last_sign_in_at',
			'raw_user_meta_data', u.j -> 'raw_user_meta_data',
			'raw_app_meta_data', u.j -> 'raw_app_meta_data',
			'banned_until', u.j -> 'banned_until',
			'deleted_at', u.j -> 'deleted_at',
			'is_anonymous', coalesce((u.j ->> 'is_anonymous')::boolean, false),
			'is_sso_user', coalesce((u.j ->> 'is_sso_user')::boolean, false),
			'identities', coalesce((
				SELECT jsonb_agg(jsonb_build_object(
					'provider', i.provider,
					'provider_id', coalesce(to_jsonb(i) ->> 'provider_id', i.identity_data ->> 'sub', to_jsonb(i) ->> 'id'),
					'email', i.identity_data ->> 'email'
				) ORDER BY i.created_at, i.provider, to_jsonb(i) ->> 'id')
				FROM auth.identities i WHERE i.user_id = u.id
			), '[]'),
			'factors', coalesce((${withFactors ? factors : "NULL::jsonb"}), '[]')
		)::text AS "user"
		FROM (SELECT id, created_at, to_jsonb(x) AS j FROM auth.users x) u
		ORDER BY coalesce((u.j ->> 'is_sso_user')::boolean, false), u.created_at NULLS LAST, u.id
	`;
}

const BATCH = 1000;

/**
 * Streams the users of the live source, one JSON object each, out of the snapshot
 * of the session's open transaction. Memory does not grow with their number.
 */
async function* userLines(client: ClientBase): AsyncGenerator<string[]> {
	const query = usersQuery(await relationExists(client, "auth.mfa_factors"));
	await client.query(`DECLARE users NO SCROLL CURSOR FOR ${query}`);
	for (;;) {
		const { rows } = await client.query<{ user: string }>(
			`FETCH ${BATCH} FROM users`,
		);
		if (rows.length === 0) break;
		yield rows.map(({ user }) => user);
	}
	await client.query("CLOSE users");
}

/** Reads the users of the live source within the session's open transaction. */
export async function* readLiveUsers(
	client: ClientBase,
): AsyncGenerator<SourceUser> {
	for await (const lines of userLines(client))
		for (const line of lines) yield JSON.parse(line) as SourceUser;
}

/**
 * Writes the users, one JSON object a line. The file holds password hashes and
 * second factors: it is readable by its owner only, like the whole export.
 */
export async function exportUsers(
	client: ClientBase,
	directory: string,
	folder: string,
): Promise<{ file: string; count: number } & FileSum> {
	const file = join(folder, `users.jsonl.${SUFFIX}`);
	let count = 0;
	async function* text(): AsyncGenerator<string> {
		for await (const lines of userLines(client)) {
			count += lines.length;
			yield lines.map((line) => `${line}\n`).join("");
		}
	}
	const sum = await writeCompressed(text(), join(directory, file), () => {});
	return { file, count, ...sum };
}

/** Reads the users of an export, one after the other. */
export async function* readUsers(path: string): AsyncGenerator<SourceUser> {
	for await (const line of readLines(path))
		yield JSON.parse(line) as SourceUser;
}

/** Counts the users by what the migration has to know about them. */
export async function countUsers(
	client: ClientBase,
): Promise<Record<string, number>> {
	const { rows } = await client.query<{ kind: string; users: number }>(`
		SELECT CASE
				WHEN j ->> 'deleted_at' IS NOT NULL THEN 'deleted'
				WHEN j ->> 'is_anonymous' = 'true' THEN 'anonymous'
				WHEN nullif(j ->> 'email', '') IS NULL THEN 'without e-mail'
				WHEN j ->> 'encrypted_password' ~ '^\\$2[ayb]\\$' THEN 'with bcrypt hash'
				ELSE 'without carried hash'
			END AS "kind",
			count(*)::float8 AS "users"
		FROM (SELECT to_jsonb(u) AS j FROM auth.users u) u
		GROUP BY 1
		ORDER BY 2 DESC
	`);
	return Object.fromEntries(rows.map(({ kind, users }) => [kind, users]));
}
