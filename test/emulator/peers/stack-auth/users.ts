import { randomUUID } from "node:crypto";
import {
	databaseError,
	emailExists,
	KnownError,
	StatusError,
	userNotFound,
} from "./errors";
import {
	type CommonFields,
	checkAccount,
	checkCreate,
	checkUpdate,
	hashFrom,
	normalizeEmail,
} from "./fields";
import { likePattern } from "./like";

/** An e-mail address of a user; a former primary one stays, and stays good for log-in. */
export interface Channel {
	readonly id: string;
	readonly value: string;
	isPrimary: boolean;
	isVerified: boolean;
	usedForAuth: boolean;
}

/** An account at an OAuth provider. */
export interface Account {
	readonly id: string;
	readonly provider: string;
	readonly accountId: string;
	readonly email: string | null;
	readonly allowSignIn: boolean;
	readonly allowConnectedAccounts: boolean;
}

export interface StoredUser {
	readonly id: string;
	displayName: string | null;
	profileImageUrl: string | null;
	clientMetadata: unknown;
	clientReadOnlyMetadata: unknown;
	serverMetadata: unknown;
	channels: Channel[];
	accounts: Account[];
	passwordHash: string | null;
	totpSecret: Buffer | null;
	requiresTotp: boolean;
	otpEnabled: boolean;
	anonymous: boolean;
	restrictedByAdmin: boolean;
	restrictedReason: string | null;
	restrictedDetails: string | null;
	readonly signedUpAt: number;
}

/** Which users a list holds besides the ordinary ones. */
export type Included = "normal" | "restricted" | "anonymous";

/**
 * The users of one project, kept in memory, with Stack Auth's rules for them:
 * those of its code (apps/backend/src/app/api/latest/users/crud.tsx) and the
 * unique keys of its database, whose violation is a 500 there.
 */
export class Users {
	readonly #users = new Map<string, StoredUser>();

	constructor(private readonly providers: readonly string[]) {}

	/** @throws KnownError, StatusError */
	async create(body: unknown): Promise<StoredUser> {
		const fields = checkCreate(body);
		const passwordHash = await hashFrom(fields);
		const email = fields.primary_email ?? null;
		const usedForAuth = fields.primary_email_auth_enabled ?? false;
		checkFlags(email, usedForAuth, fields.primary_email_verified ?? false);
		if (email && usedForAuth && this.byLogIn(email)) throw emailExists(email);
		const user: StoredUser = {
			id: randomUUID(),
			displayName: fields.display_name || null,
			profileImageUrl: fields.profile_image_url ?? null,
			clientMetadata: fields.client_metadata ?? null,
			clientReadOnlyMetadata: fields.client_read_only_metadata ?? null,
			serverMetadata: fields.server_metadata ?? null,
			channels: [],
			accounts: [],
			passwordHash: passwordHash ?? null,
			totpSecret: secretOf(fields) ?? null,
			// A secret given at creation is kept but not asked for until an update sets it.
			requiresTotp: false,
			otpEnabled: fields.otp_auth_enabled ?? false,
			anonymous: fields.is_anonymous ?? false,
			restrictedByAdmin: false,
			restrictedReason: null,
			restrictedDetails: null,
			signedUpAt: Date.now(),
		};
		restrict(user, fields);
		for (const { id, account_id, email } of fields.oauth_providers ?? []) {
			if (!this.providers.includes(id))
				throw new StatusError(400, `OAuth provider ${id} not found`);
			this.#checkAccountKeys(user, id, account_id);
			user.accounts.push({
				id: randomUUID(),
				provider: id,
				accountId: account_id,
				email: email ?? null,
				allowSignIn: true,
				allowConnectedAccounts: true,
			});
		}
		if (email)
			user.channels.push({
				id: randomUUID(),
				value: email,
				isPrimary: true,
				isVerified: fields.primary_email_verified ?? false,
				usedForAuth,
			});
		this.#users.set(user.id, user);
		return user;
	}

	/** Only what the body names changes. @throws KnownError, StatusError */
	async update(id: string, body: unknown): Promise<StoredUser> {
		const fields = checkUpdate(body);
		const passwordHash = await hashFrom(fields);
		const user = this.get(id);
		const primary = primaryOf(user);
		const email = fields.primary_email;
		const effective = email === undefined ? primary?.value : email;
		const usedForAuth =
			email !== null &&
			(fields.primary_email_auth_enabled ?? primary?.usedForAuth ?? false);
		const verified =
			email !== null &&
			(fields.primary_email_verified ?? primary?.isVerified ?? false);
		checkFlags(effective ?? null, usedForAuth, verified);
		if (effective && usedForAuth) {
			const other = this.byLogIn(effective);
			if (effective !== primary?.value && other) throw emailExists(effective);
			// Of an unchanged address the code asks nothing: the database refuses.
			if (other && other !== user) throw databaseError();
		}
		if (passwordHash && !user.passwordHash && !effective) throw databaseError();
		restrict(user, fields);
		this.#setEmail(user, fields, usedForAuth, verified);
		if (fields.display_name !== undefined)
			user.displayName = fields.display_name || null;
		if (fields.profile_image_url !== undefined)
			user.profileImageUrl = fields.profile_image_url;
		if (fields.client_metadata !== undefined)
			user.clientMetadata = fields.client_metadata;
		if (fields.client_read_only_metadata !== undefined)
			user.clientReadOnlyMetadata = fields.client_read_only_metadata;
		if (fields.server_metadata !== undefined)
			user.serverMetadata = fields.server_metadata;
		if (passwordHash !== undefined) user.passwordHash = passwordHash;
		if (fields.otp_auth_enabled !== undefined)
			user.otpEnabled = fields.otp_auth_enabled;
		if (fields.is_anonymous === false) user.anonymous = false;
		const secret = secretOf(fields);
		if (secret !== undefined) {
			user.totpSecret = secret;
			user.requiresTotp = secret !== null;
		}
		return user;
	}

	get(id: string): StoredUser {
		const user = this.#users.get(id);
		if (!user) throw userNotFound();
		return user;
	}

	delete(id: string): void {
		this.get(id);
		this.#users.delete(id);
	}

	/** The one user who logs in by this address, be it their primary one or a former. */
	byLogIn(email: string): StoredUser | undefined {
		const wanted = normalizeEmail(email);
		return [...this.#users.values()].find(({ channels }) =>
			channels.some(
				({ value, usedForAuth }) => usedForAuth && value === wanted,
			),
		);
	}

	/** Removes an address. @throws StatusError */
	deleteChannel(userId: string, channelId: string): void {
		const user = this.get(userId);
		const left = user.channels.filter(({ id }) => id !== channelId);
		if (left.length === user.channels.length)
			throw new StatusError(404, "Contact channel not found");
		user.channels = left;
	}

	/** Adds an account at a provider (apps/backend/src/app/api/latest/oauth-providers/crud.tsx). */
	createAccount(body: unknown): Account & { userId: string } {
		const fields = checkAccount(body);
		const { provider_config_id: provider, account_id: accountId } = fields;
		if (!this.providers.includes(provider))
			throw new StatusError(404, `OAuth provider ${provider} not found`);
		const user = this.get(fields.user_id);
		const sameProvider = user.accounts.filter((a) => a.provider === provider);
		if (fields.allow_sign_in && sameProvider.some((a) => a.allowSignIn))
			throw new StatusError(
				400,
				"The same provider type with sign-in enabled already exists for this user.",
			);
		if (sameProvider.some((account) => account.accountId === accountId))
			throw new StatusError(
				400,
				"The same provider type with the same account ID already exists for this user.",
			);
		const everybody = [...this.#users.values()].flatMap((u) => u.accounts);
		if (
			fields.allow_sign_in &&
			everybody.some((a) => a.allowSignIn && a.accountId === accountId)
		)
			throw new KnownError(
				400,
				"OAUTH_PROVIDER_ACCOUNT_ID_ALREADY_USED_FOR_SIGN_IN",
				"A provider with the same account ID is already used for signing in.",
			);
		const account: Account = {
			id: randomUUID(),
			provider,
			accountId,
			email: fields.email ?? null,
			allowSignIn: fields.allow_sign_in,
			allowConnectedAccounts: fields.allow_connected_accounts,
		};
		user.accounts.push(account);
		return { ...account, userId: user.id };
	}

	/** Removes an account at a provider. @throws StatusError */
	deleteAccount(userId: string, accountId: string): void {
		const user = this.get(userId);
		const left = user.accounts.filter(({ id }) => id !== accountId);
		if (left.length === user.accounts.length)
			throw new StatusError(404, `OAuth provider ${accountId} not found`);
		user.accounts = left;
	}

	/**
	 * One page in the order of creation, or all without a limit. `query` is a search
	 * over names and all addresses (an id only as a whole) by ILIKE, whose wildcards
	 * are not escaped; restricted and anonymous users are given on request only.
	 */
	list(options: {
		query?: string;
		cursor?: string;
		limit?: number;
		include: Included;
	}): { items: StoredUser[]; nextCursor: string | null } {
		const { query, include } = options;
		const wanted = query ? likePattern(`%${query}%`) : undefined;
		const matching = [...this.#users.values()]
			.filter(
				(user) =>
					(include === "anonymous" || !user.anonymous) &&
					(include !== "normal" || !user.restrictedByAdmin) &&
					(!wanted ||
						user.id === query?.toLowerCase() ||
						[user.displayName, ...user.channels.map((c) => c.value)].some(
							(text) => text !== null && wanted.test(text),
						)),
			)
			.sort((a, b) => a.signedUpAt - b.signedUpAt || (a.id < b.id ? -1 : 1));
		const start = options.cursor
			? matching.findIndex(({ id }) => id === options.cursor)
			: 0;
		// A cursor that nobody stands behind ends the list, as a database's would.
		const rest = start < 0 ? [] : matching.slice(start);
		const items = rest.slice(0, options.limit);
		return { items, nextCursor: rest[items.length]?.id ?? null };
	}

	/** A new primary address takes the place of the old one, which stays as it is otherwise. */
	#setEmail(
		user: StoredUser,
		fields: CommonFields,
		usedForAuth: boolean,
		verified: boolean,
	): void {
		const email = fields.primary_email;
		if (email !== undefined) {
			for (const channel of user.channels) channel.isPrimary = false;
			if (email === null) return;
			const known = user.channels.find(({ value }) => value === email);
			if (known) {
				known.isPrimary = true;
				known.usedForAuth = usedForAuth;
				known.isVerified = fields.primary_email_verified ?? known.isVerified;
			} else
				user.channels.push({
					id: randomUUID(),
					value: email,
					isPrimary: true,
					isVerified: fields.primary_email_verified ?? false,
					usedForAuth,
				});
			return;
		}
		const primary = primaryOf(user);
		if (!primary) return;
		if (fields.primary_email_verified !== undefined)
			primary.isVerified = verified;
		if (fields.primary_email_auth_enabled !== undefined)
			primary.usedForAuth = usedForAuth;
	}

	/** OAuthAuthMethod's unique keys: an account logs in one user, a user by one account a provider. */
	#checkAccountKeys(user: StoredUser, provider: string, account: string) {
		const taken = [...this.#users.values(), user].some(({ id, accounts }) =>
			accounts.some(
				(other) =>
					other.provider === provider &&
					other.allowSignIn &&
					(other.accountId === account || id === user.id),
			),
		);
		if (taken) throw databaseError();
	}
}

function primaryOf(user: StoredUser): Channel | undefined {
	return user.channels.find(({ isPrimary }) => isPrimary);
}

function checkFlags(
	email: string | null,
	usedForAuth: boolean,
	verified: boolean,
): void {
	if (email) return;
	if (usedForAuth)
		throw new StatusError(
			400,
			"primary_email_auth_enabled cannot be true without primary_email",
		);
	if (verified)
		throw new StatusError(
			400,
			"primary_email_verified cannot be true without primary_email",
		);
}

function restrict(user: StoredUser, fields: CommonFields): void {
	const restricted = fields.restricted_by_admin ?? user.restrictedByAdmin;
	if (!restricted) {
		for (const key of ["reason", "private_details"] as const)
			if (fields[`restricted_by_admin_${key}`])
				throw new StatusError(
					400,
					`restricted_by_admin_${key} requires restricted_by_admin=true`,
				);
		user.restrictedReason = null;
		user.restrictedDetails = null;
	} else {
		if (fields.restricted_by_admin_reason !== undefined)
			user.restrictedReason = fields.restricted_by_admin_reason || null;
		if (fields.restricted_by_admin_private_details !== undefined)
			user.restrictedDetails =
				fields.restricted_by_admin_private_details || null;
	}
	user.restrictedByAdmin = restricted;
}

/** The second factor's secret that the fields set, null to remove it, undefined to leave it. */
function secretOf(fields: CommonFields): Buffer | null | undefined {
	const secret = fields.totp_secret_base64;
	return typeof secret === "string" ? Buffer.from(secret, "base64") : secret;
}
