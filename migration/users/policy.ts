import type { SourceUser } from "./source";

/** What becomes of a user of the old system. */
export type Decision =
	| { readonly kind: "skip"; readonly reason: string }
	| {
			readonly kind: "create";
			readonly user: NewUser;
			/** What a person should know about this user, for the report. */
			readonly remarks: readonly string[];
	  };

/** Body of POST /api/v1/users, as far as the migration fills it. */
export interface NewUser {
	readonly display_name: string;
	readonly primary_email?: string;
	readonly primary_email_verified?: boolean;
	readonly primary_email_auth_enabled?: boolean;
	readonly password_hash?: string;
	readonly oauth_providers?: readonly {
		readonly id: string;
		readonly account_id: string;
		readonly email: string;
	}[];
	readonly client_metadata?: Record<string, unknown>;
	readonly server_metadata: ServerMetadata;
}

/** Names the old user in the new system, so that a lost answer can be found again. */
export interface ServerMetadata {
	readonly supabase: {
		readonly id: string;
		readonly created_at: string | null;
		readonly last_sign_in_at: string | null;
		readonly providers: readonly string[];
		readonly phone: string | null;
		readonly banned_until: string | null;
		readonly app_metadata: Record<string, unknown>;
	};
}

/** Stack Auth takes display names of at most 256 characters. */
const LONGEST_NAME = 256;

/** Stack Auth takes bcrypt hashes of this form with cost up to 16. */
const BCRYPT = /^\$2[ayb]\$(\d\d)\$.{53}$/;
const HIGHEST_BCRYPT_COST = 16;

/**
 * Decides about one user. `addresses` holds the e-mail addresses, in lower case,
 * of the users decided on before: Stack Auth keeps addresses in lower case, so a
 * second user with an address equal but for case may not log in by it, and a
 * person has to decide. Nobody is merged.
 */
export function decide(
	user: SourceUser,
	addresses: Set<string>,
	options: {
		readonly now: Date;
		readonly carryHashes: boolean;
		readonly oauthProviders: readonly string[];
	},
): Decision {
	if (user.deleted_at) return { kind: "skip", reason: "deleted" };
	if (user.is_anonymous) return { kind: "skip", reason: "anonymous" };
	const remarks: string[] = [];
	const email = user.email ?? undefined;
	const banned = isAfter(user.banned_until, options.now);
	if (banned) remarks.push("banned: log-in stays off");
	if (!email) remarks.push("no e-mail address: cannot log in");

	let logsIn = email !== undefined && !banned;
	if (email) {
		const address = email.toLowerCase();
		if (addresses.has(address)) {
			remarks.push("e-mail equal but for case to another user's: log-in off");
			logsIn = false;
		}
		addresses.add(address);
	}
	const hash = options.carryHashes
		? carriedHash(user.encrypted_password)
		: undefined;
	if (logsIn && !hash) remarks.push("password must be reset");

	return {
		kind: "create",
		remarks,
		user: {
			display_name: displayName(user),
			...(email && {
				primary_email: email,
				primary_email_verified: user.email_confirmed_at !== null,
				primary_email_auth_enabled: logsIn,
			}),
			...(email && hash && { password_hash: hash }),
			...oauth(user, options.oauthProviders),
			...(user.raw_user_meta_data && {
				client_metadata: user.raw_user_meta_data,
			}),
			server_metadata: {
				supabase: {
					id: user.id,
					created_at: user.created_at,
					last_sign_in_at: user.last_sign_in_at,
					providers: user.identities.map(({ provider }) => provider),
					phone: user.phone,
					banned_until: user.banned_until,
					app_metadata: user.raw_app_meta_data ?? {},
				},
			},
		},
	};
}

/** PostgreSQL's timestamps know an `infinity`, which a ban for good may use. */
function isAfter(timestamp: string | null, now: Date): boolean {
	return (
		timestamp !== null &&
		(timestamp === "infinity" || new Date(timestamp) > now)
	);
}

/** The hash, where Stack Auth takes it. */
export function carriedHash(hash: string | null): string | undefined {
	const cost = hash?.match(BCRYPT)?.[1];
	return cost !== undefined && Number(cost) <= HIGHEST_BCRYPT_COST
		? (hash ?? undefined)
		: undefined;
}

/** A name to show, and to find the user by where there is no address. */
function displayName(user: SourceUser): string {
	const meta = user.raw_user_meta_data ?? {};
	const given = [meta.full_name, meta.name, meta.display_name].find(
		(name): name is string => typeof name === "string" && name.trim() !== "",
	);
	return (given ?? user.email ?? user.phone ?? user.id).slice(0, LONGEST_NAME);
}

/** Accounts at the providers that the new project has; others would be refused. */
function oauth(
	user: SourceUser,
	providers: readonly string[],
): Pick<NewUser, "oauth_providers"> {
	const accounts = user.identities
		.filter(({ provider }) => providers.includes(provider))
		.map(({ provider, provider_id, email }) => ({
			id: provider,
			account_id: provider_id,
			email: email ?? user.email ?? "",
		}));
	return accounts.length > 0 ? { oauth_providers: accounts } : {};
}
