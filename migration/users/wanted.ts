import { createHash } from "node:crypto";

/**
 * What Stack Auth is to hold for a user, by the names of its API
 * (stack-shared/src/interface/crud/users.ts); null for what it is not to have.
 */
export interface UserFields {
	readonly display_name: string;
	readonly profile_image_url: string | null;
	readonly primary_email: string | null;
	readonly primary_email_verified: boolean;
	readonly primary_email_auth_enabled: boolean;
	readonly password_hash: string | null;
	readonly totp_secret_base64: string | null;
	readonly client_metadata: Record<string, unknown> | null;
	readonly client_read_only_metadata: Record<string, unknown> | null;
	readonly server_metadata: ServerMetadata;
	/** Why the user is shut out; null where they are not. */
	readonly restricted_by_admin_reason: string | null;
	readonly is_anonymous: boolean;
}

/** Names the old user in the new system, so that a lost answer can be found again. */
export interface ServerMetadata {
	readonly supabase: {
		readonly id: string;
		readonly created_at: string | null;
		readonly last_sign_in_at: string | null;
		readonly providers: readonly string[];
		readonly phone: string | null;
		readonly phone_confirmed_at: string | null;
		readonly banned_until: string | null;
	};
}

/** An account at an OAuth provider of the new project. */
export interface OAuthAccount {
	readonly provider: string;
	readonly accountId: string;
	readonly email: string | null;
}

/** A user as the new system is to have them. */
export interface WantedUser {
	readonly fields: UserFields;
	readonly accounts: readonly OAuthAccount[];
}

/** What a user is to become; fields that are not named stay. */
export interface Change {
	readonly fields: Partial<UserFields>;
	readonly accounts: readonly OAuthAccount[];
}

/**
 * Digests of what Stack Auth was last given, kept in the user map: enough to see
 * what changed, without a second place that keeps passwords and addresses.
 */
export interface Sent {
	readonly fields: Readonly<Partial<Record<keyof UserFields, string>>>;
	readonly accounts: readonly string[];
	/** What a request may have changed since whose end is not known: it is sent again. */
	readonly unsure?: readonly (keyof UserFields | "accounts")[];
}

export const NOTHING_SENT: Sent = { fields: {}, accounts: [] };

/**
 * Of a user whom the map does not know: whatever the source does not have is taken
 * away, but for a password that they may have chosen.
 */
export const UNKNOWN: Sent = {
	...NOTHING_SENT,
	unsure: [
		"profile_image_url",
		"primary_email",
		"totp_secret_base64",
		"client_metadata",
		"client_read_only_metadata",
		"restricted_by_admin_reason",
	],
};

/** 96 bits: nobody is harmed by a collision but one update. */
const DIGEST_CHARACTERS = 16;

/** The digest of one value, as `Sent` holds it. */
export function digestOf(value: unknown): string {
	return createHash("sha256")
		.update(JSON.stringify(value))
		.digest("base64url")
		.slice(0, DIGEST_CHARACTERS);
}

/** The digest of an account at a provider; its e-mail address is for show only. */
export function accountDigest(account: OAuthAccount): string {
	return digestOf([account.provider, account.accountId]);
}

/** The digests of all that a user is to have. */
export function digestsOf({ fields, accounts }: Change): Sent {
	return {
		fields: Object.fromEntries(
			entries(fields)
				.filter(([, value]) => value !== null)
				.map(([key, value]) => [key, digestOf(compared(key, value))]),
		),
		accounts: accounts.map(accountDigest).sort(),
	};
}

/** What is there once a change is done. */
export function after(sent: Sent, wanted: Change): Sent {
	const now = digestsOf(wanted);
	const kept = Object.entries(sent.fields).filter(
		([key]) => !(key in wanted.fields),
	);
	return {
		fields: { ...Object.fromEntries(kept), ...now.fields },
		accounts: now.accounts,
		unsure: (sent.unsure ?? []).filter(
			(key) => key !== "accounts" && !(key in wanted.fields),
		),
	};
}

/** What may be there while a change is under way, to be noted before it is sent. */
export function unsureOf(sent: Sent, wanted: Change): Sent {
	const { accounts, unsure = [] } = after(sent, wanted);
	const changed = entries(changedFields(sent, wanted.fields));
	return {
		fields: sent.fields,
		accounts: [...new Set([...sent.accounts, ...accounts])],
		unsure: [
			...unsure,
			...changed.map(([key]) => key),
			...(accountsChanged(sent, wanted.accounts)
				? (["accounts"] as const)
				: []),
		],
	};
}

/** The fields in which a user is to become another than was sent; null takes a value away. */
export function changedFields(
	sent: Sent,
	wanted: Partial<UserFields>,
): Partial<UserFields> {
	return Object.fromEntries(
		entries(wanted).filter(
			([key, value]) =>
				sent.unsure?.includes(key) ||
				(value === null
					? sent.fields[key] !== undefined
					: sent.fields[key] !== digestOf(compared(key, value))),
		),
	);
}

/** Whether a user has other accounts at providers than were sent. */
export function accountsChanged(
	sent: Sent,
	accounts: readonly OAuthAccount[],
): boolean {
	const digests = accounts.map(accountDigest).sort();
	return (
		sent.unsure?.includes("accounts") === true ||
		digests.join() !== [...sent.accounts].sort().join()
	);
}

/**
 * What a user is created with. A second factor given at creation is not asked for
 * until it is updated, so whoever has one gets it together with the ways to log in,
 * in an update: at no moment does the password alone let in.
 */
export function firstStep({ fields, accounts }: WantedUser): Change {
	if (fields.totp_secret_base64 === null) return { fields, accounts };
	const { totp_secret_base64: _later, password_hash: _too, ...first } = fields;
	return { fields: first, accounts: [] };
}

/** Fields as the body of POST /users: without what is not there. */
export function createBody(
	fields: Partial<UserFields>,
	accounts: readonly OAuthAccount[],
): Record<string, unknown> {
	const { restricted_by_admin_reason: reason, ...plain } = fields;
	return {
		...Object.fromEntries(
			entries(plain).filter(
				([key, value]) =>
					value !== null && !(key === "is_anonymous" && value === false),
			),
		),
		...(reason && {
			restricted_by_admin: true,
			restricted_by_admin_reason: reason,
		}),
		...(accounts.length > 0 && {
			oauth_providers: accounts.map(({ provider, accountId, email }) => ({
				id: provider,
				account_id: accountId,
				email,
			})),
		}),
	};
}

/** Changed fields as the body of PATCH /users/{id}, which takes no OAuth accounts. */
export function updateBody(
	changed: Partial<UserFields>,
	wanted: Partial<UserFields>,
): Record<string, unknown> {
	const {
		restricted_by_admin_reason: reason,
		password_hash: hash,
		is_anonymous: anonymous,
		...plain
	} = changed;
	return {
		...plain,
		// An update only ever makes an anonymous user an ordinary one.
		...(anonymous === false && { is_anonymous: false }),
		// Without them a new address would be unverified and keep the old one's log-in.
		...(changed.primary_email && {
			primary_email_verified: wanted.primary_email_verified,
			primary_email_auth_enabled: wanted.primary_email_auth_enabled,
		}),
		...(hash !== undefined &&
			(hash === null ? { password: null } : { password_hash: hash })),
		...(reason !== undefined && {
			restricted_by_admin: reason !== null,
			restricted_by_admin_reason: reason,
		}),
	};
}

/** Every log-in moves last_sign_in_at: no reason to write the user again. */
function compared(key: keyof UserFields, value: unknown): unknown {
	if (key !== "server_metadata") return value;
	const { supabase } = value as ServerMetadata;
	return { ...supabase, last_sign_in_at: null };
}

function entries(fields: Partial<UserFields>) {
	return Object.entries(fields).filter(([, value]) => value !== undefined) as [
		keyof UserFields,
		UserFields[keyof UserFields],
	][];
}
