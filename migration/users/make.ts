import type { ClientBase } from "pg";
import type { StackAuthUser } from "./stack-auth";

/** What a person should know of a user that was made; null where they were there. */
export type Made = readonly string[] | null;

/** Supabase Auth's only instance. */
const INSTANCE = "00000000-0000-0000-0000-000000000000";

/**
 * Of varchar columns that hold tokens Supabase Auth expects an empty text, not NULL:
 * it would answer every log-in with a 500 (github.com/supabase/auth/issues/1940).
 */
const EMPTY = [
	"encrypted_password",
	"confirmation_token",
	"recovery_token",
	"email_change_token_new",
	"email_change_token_current",
	"email_change",
	"phone_change",
	"phone_change_token",
	"reauthentication_token",
];

/** What Supabase Auth itself bans for good with. */
const BANNED_YEARS = 100;

/**
 * Makes a user of Stack Auth in auth.users and auth.identities, in the open
 * transaction, under the given id; does nothing where somebody has it. Triggers do not
 * fire: what the application would make of a sign-up (a profile) comes back from the
 * new system as it is there. An address or account that another user has stays with
 * them, and is named.
 */
export async function insertUser(
	source: ClientBase,
	id: string,
	user: StackAuthUser,
	oauthProviders: ReadonlyMap<string, string>,
): Promise<Made> {
	const { rowCount } = await source.query(
		"SELECT FROM auth.users WHERE id = $1",
		[id],
	);
	if (rowCount) return null;
	await source.query("SET LOCAL session_replication_role = replica");
	const remarks: string[] = [];
	const email = await freeAddress(source, id, user.primary_email, remarks);
	const now = new Date().toISOString();
	const createdAt = new Date(user.signed_up_at_millis).toISOString();
	const verified = email !== null && user.primary_email_verified;
	const accounts = await freeAccounts(source, user, oauthProviders, remarks);
	const providers = [
		...(email === null ? [] : ["email"]),
		...accounts.map(({ provider }) => provider),
	];
	const banned = new Date();
	banned.setFullYear(banned.getFullYear() + BANNED_YEARS);
	if (user.restricted_by_admin)
		remarks.push("shut out in the new system: banned");
	await insert(source, "auth.users", {
		...Object.fromEntries(EMPTY.map((name) => [name, ""])),
		instance_id: INSTANCE,
		id,
		aud: "authenticated",
		role: "authenticated",
		email,
		email_confirmed_at: verified ? createdAt : null,
		email_change_confirm_status: 0,
		raw_app_meta_data: {
			...user.client_read_only_metadata,
			provider: providers[0] ?? "email",
			providers,
		},
		raw_user_meta_data: {
			...(user.display_name === null ? {} : { full_name: user.display_name }),
			...user.client_metadata,
		},
		banned_until: user.restricted_by_admin ? banned.toISOString() : null,
		created_at: createdAt,
		updated_at: now,
		is_sso_user: false,
		is_anonymous: false,
	});
	if (email !== null) await insertIdentity("email", id, email, verified);
	for (const { provider, accountId } of accounts)
		await insertIdentity(provider, accountId, email, verified);
	if (providers.length === 0)
		remarks.push("nothing to log in by in the old system");
	return remarks;

	async function insertIdentity(
		provider: string,
		providerId: string,
		address: string | null,
		confirmed: boolean,
	): Promise<void> {
		await insert(source, "auth.identities", {
			provider_id: providerId,
			user_id: id,
			identity_data: {
				sub: providerId,
				...(address === null ? {} : { email: address }),
				email_verified: confirmed,
				phone_verified: false,
			},
			provider,
			created_at: createdAt,
			updated_at: now,
		});
	}
}

/** The address, unless somebody else in the old system logs in by it. */
async function freeAddress(
	source: ClientBase,
	id: string,
	email: string | null,
	remarks: string[],
): Promise<string | null> {
	if (email === null) return null;
	const { rows } = await source.query<{ id: string }>(
		`SELECT u.id FROM auth.users u
		WHERE lower(u.email) = lower($1) AND u.id <> $2 AND to_jsonb(u) ->> 'is_sso_user' IS DISTINCT FROM 'true'`,
		[email, id],
	);
	const [other] = rows;
	if (!other) return email;
	remarks.push(
		`made without an address: user ${other.id} of the old system has it`,
	);
	return null;
}

async function freeAccounts(
	source: ClientBase,
	{ oauth_providers }: StackAuthUser,
	oauthProviders: ReadonlyMap<string, string>,
	remarks: string[],
): Promise<{ provider: string; accountId: string }[]> {
	const accounts: { provider: string; accountId: string }[] = [];
	for (const { id, account_id: accountId } of oauth_providers) {
		const provider = oauthProviders.get(id) ?? id;
		const { rows } = await source.query(
			"SELECT FROM auth.identities i WHERE i.provider = $1 AND to_jsonb(i) ->> 'provider_id' = $2",
			[provider, accountId],
		);
		if (rows.length === 0) accounts.push({ provider, accountId });
		else
			remarks.push(
				`account at ${provider} left away: another user of the old system signs in by it`,
			);
	}
	return accounts;
}

/** Inserts what the table has columns for: they differ between versions of Supabase's Auth. */
async function insert(
	source: ClientBase,
	table: string,
	values: Readonly<Record<string, unknown>>,
): Promise<void> {
	const { rows } = await source.query<{ columns: string | null }>(
		`SELECT string_agg(quote_ident(attname), ', ') AS "columns" FROM pg_attribute
		WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
			AND attname = ANY ($2)`,
		[table, Object.keys(values)],
	);
	const columns = rows[0]?.columns ?? "";
	await source.query(
		`INSERT INTO ${table} (${columns})
		SELECT ${columns} FROM jsonb_populate_record(NULL::${table}, $1)`,
		[JSON.stringify(values)],
	);
}
