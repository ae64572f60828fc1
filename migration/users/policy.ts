import { secondFactor } from "./second-factor";
import type { SourceUser } from "./source";
import type { OAuthAccount, UserFields, WantedUser } from "./wanted";

/** What becomes of a user of the old system. */
export type Decision =
	| { readonly kind: "skip"; readonly reason: SkipReason }
	| {
			readonly kind: "create";
			readonly user: WantedUser;
			/** Logs in by e-mail, but has no password there. */
			readonly resetDue: boolean;
			/** What a person should know about this user, for the report. */
			readonly remarks: readonly string[];
	  };

export type SkipReason = "anonymous" | "deleted" | "single sign-on";

/** Whether users of a kind move at all. */
export type KindPolicy = "skip" | "create";

/** The operator's decisions, and what the new project can do. */
export interface PolicyOptions {
	readonly carryHashes: boolean;
	readonly anonymousUsers: KindPolicy;
	readonly deletedUsers: KindPolicy;
	readonly ssoUsers: KindPolicy;
	/** The new project's name for each provider of the old one. */
	readonly oauthProviders: ReadonlyMap<string, string>;
}

/** Stack Auth takes display names of at most 256 UTF-16 units. */
const LONGEST_NAME = 256;
/** … and image URLs of at most 1,000,000 characters. */
const LONGEST_URL = 1_000_000;

/** Stack Auth takes bcrypt hashes of this form, of cost 4 to 16. */
const BCRYPT = /^\$2[ayb]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
const LOWEST_BCRYPT_COST = 4;
const HIGHEST_BCRYPT_COST = 16;

/** Not accounts at a provider: what Supabase Auth itself logs in by. */
const OWN_PROVIDERS = new Set(["email", "phone"]);

/** Reasons that a user who is shut out reads. */
export const BANNED = "Banned";
export const DELETED = "Deleted";

/**
 * Decides about one user. `addresses` holds the e-mail addresses, in lower case,
 * of the users decided on before: Stack Auth keeps addresses in lower case, so a
 * second user with an address equal but for case may not log in by it, and a
 * person has to decide. Nobody is merged.
 */
export function decide(
	user: SourceUser,
	addresses: Set<string>,
	options: PolicyOptions & { readonly now: Date },
): Decision {
	if (user.deleted_at && options.deletedUsers === "skip")
		return { kind: "skip", reason: "deleted" };
	if (user.is_anonymous && options.anonymousUsers === "skip")
		return { kind: "skip", reason: "anonymous" };
	if (user.is_sso_user && options.ssoUsers === "skip")
		return { kind: "skip", reason: "single sign-on" };

	const remarks: string[] = [];
	const shutOut = shutOutReason(user, options.now, remarks);
	// Supabase Auth leaves no address in a deleted user that mail could reach.
	const email = user.deleted_at ? null : normalizeEmail(user.email);
	let logsIn = email !== null && shutOut === null;
	if (email === null) {
		if (shutOut === null && !user.is_anonymous)
			remarks.push("no e-mail address: cannot log in by one");
	} else if (addresses.has(email)) {
		remarks.push("e-mail equal but for case to another user's: log-in off");
		logsIn = false;
	} else addresses.add(email);

	const hash = options.carryHashes
		? carriedHash(user.encrypted_password)
		: null;
	const accounts = shutOut === null ? oauth(user, options, remarks) : [];
	const resetDue =
		logsIn &&
		hash === null &&
		(user.encrypted_password !== null || accounts.length === 0);
	if (resetDue) remarks.push("password must be set anew");
	const factor = secondFactor(user.factors);
	remarks.push(...factor.remarks);

	return {
		kind: "create",
		remarks,
		resetDue,
		user: {
			accounts,
			fields: {
				display_name: displayName(user),
				profile_image_url: image(user, remarks),
				primary_email: email,
				primary_email_verified:
					email !== null && user.email_confirmed_at !== null,
				primary_email_auth_enabled: logsIn,
				// Stack Auth keeps a password only beside an address.
				password_hash: email === null ? null : hash,
				totp_secret_base64: factor.totpSecretBase64,
				...metadata(user),
				restricted_by_admin_reason: shutOut,
				is_anonymous: user.is_anonymous,
			},
		},
	};
}

/** The hash, where Stack Auth takes it; null otherwise. */
export function carriedHash(hash: string | null): string | null {
	const cost = Number(hash?.match(BCRYPT)?.[1]);
	return cost >= LOWEST_BCRYPT_COST && cost <= HIGHEST_BCRYPT_COST
		? hash
		: null;
}

/** An address as Stack Auth keeps it (apps/backend/src/lib/emails.tsx). */
export function normalizeEmail(email: string | null): string | null {
	return email?.trim().toLowerCase() || null;
}

function shutOutReason(
	user: SourceUser,
	now: Date,
	remarks: string[],
): string | null {
	if (user.deleted_at) {
		remarks.push("deleted: log-in off");
		return DELETED;
	}
	if (!isAfter(user.banned_until, now)) return null;
	remarks.push("banned: log-in off");
	if (user.banned_until !== "infinity")
		remarks.push("banned for a time: nothing lifts it once the source is gone");
	return BANNED;
}

/** PostgreSQL's timestamps know an `infinity`, which a ban for good may use. */
function isAfter(timestamp: string | null, now: Date): boolean {
	return (
		timestamp !== null &&
		(timestamp === "infinity" || new Date(timestamp) > now)
	);
}

/** A name to show, and to find the user by where there is no address. */
function displayName(user: SourceUser): string {
	const meta = user.raw_user_meta_data ?? {};
	const given = [meta.full_name, meta.name, meta.display_name].find(
		(name): name is string => typeof name === "string" && name.trim() !== "",
	);
	return cut(given ?? user.email ?? user.phone ?? user.id, LONGEST_NAME);
}

/** Cuts a text to so many UTF-16 units, never through a character: half of one is refused. */
function cut(text: string, units: number): string {
	const end = /[\uD800-\uDBFF]/.test(text.charAt(units - 1))
		? units - 1
		: units;
	return text.slice(0, end);
}

function image(user: SourceUser, remarks: string[]): string | null {
	const meta = user.raw_user_meta_data ?? {};
	const url = [meta.avatar_url, meta.picture].find(
		(text): text is string => typeof text === "string" && text !== "",
	);
	if (url === undefined) return null;
	if (
		!/^https?:\/\/\S+$/.test(url) ||
		!URL.canParse(url) ||
		url.length > LONGEST_URL
	) {
		remarks.push("profile image left behind: no http or https URL");
		return null;
	}
	if (new URL(url).hostname.endsWith(".supabase.co"))
		remarks.push("profile image lies in Supabase's storage");
	return url;
}

/**
 * What users may write themselves goes where they may write it, what only the
 * application wrote where they can only read it, and the rest out of their sight.
 */
function metadata(
	user: SourceUser,
): Pick<
	UserFields,
	"client_metadata" | "client_read_only_metadata" | "server_metadata"
> {
	// Supabase's own: how the user logged in there.
	const {
		provider: _provider,
		providers: _providers,
		...application
	} = user.raw_app_meta_data ?? {};
	return {
		client_metadata: user.raw_user_meta_data,
		client_read_only_metadata:
			Object.keys(application).length > 0 ? application : null,
		server_metadata: {
			supabase: {
				id: user.id,
				created_at: user.created_at,
				last_sign_in_at: user.last_sign_in_at,
				providers: user.identities.map(({ provider }) => provider),
				phone: user.phone,
				phone_confirmed_at: user.phone_confirmed_at,
				banned_until: user.banned_until,
			},
		},
	};
}

/**
 * Accounts at the providers that the new project has; others would be refused. A
 * user signs in by one account a provider, so a second one stays behind.
 */
function oauth(
	user: SourceUser,
	{ oauthProviders }: PolicyOptions,
	remarks: string[],
): OAuthAccount[] {
	const accounts = new Map<string, OAuthAccount>();
	for (const { provider: old, provider_id, email } of user.identities) {
		if (OWN_PROVIDERS.has(old)) continue;
		const provider = oauthProviders.get(old);
		if (provider === undefined)
			remarks.push(
				`account at ${old} left behind: the new project does not have it`,
			);
		else if (accounts.has(provider))
			remarks.push(
				`second account at ${old} left behind: one a provider logs in`,
			);
		else
			accounts.set(provider, {
				provider,
				accountId: provider_id,
				email: email ?? user.email,
			});
	}
	return [...accounts.values()];
}
