import { randomUUID } from "node:crypto";
import bcrypt from "bcryptjs";
import { z } from "zod";
import { emailExists, StatusError, schemaError, userNotFound } from "./errors";

/** Of Stack Auth's check of password_hash: bcrypt in modular crypt format, cost up to 16. */
const BCRYPT = /^\$2[ayb]\$(\d\d)\$.{53}$/;
const HIGHEST_COST = 16;
const LONGEST_PASSWORD = 70;
/** OAuth providers that the project has switched on. */
const PROVIDERS = ["google"];

const metadata = z.unknown();

/** What create and update take; id and created_at cannot be set, unknown keys are refused. */
const userFields = z.strictObject({
	display_name: z.string().max(256).nullish(),
	profile_image_url: z.string().nullish(),
	client_metadata: metadata.optional(),
	client_read_only_metadata: metadata.optional(),
	server_metadata: metadata.optional(),
	primary_email: z.email().nullish(),
	primary_email_verified: z.boolean().optional(),
	primary_email_auth_enabled: z.boolean().optional(),
	password: z.string().nullish(),
	password_hash: z.string().optional(),
	otp_auth_enabled: z.boolean().optional(),
	totp_secret_base64: z.base64().nullish(),
	oauth_providers: z
		.array(
			z.strictObject({
				id: z.string(),
				account_id: z.string(),
				email: z.string().nullish(),
			}),
		)
		.optional(),
	is_anonymous: z.boolean().optional(),
	restricted_by_admin: z.boolean().optional(),
	restricted_by_admin_reason: z.string().nullish(),
});

type UserFields = z.infer<typeof userFields>;

export interface StoredUser {
	id: string;
	fields: UserFields;
	passwordHash: string | null;
	requiresTotp: boolean;
	signedUpAt: number;
}

/** The users of one project, kept in memory, with Stack Auth's rules for them. */
export class Users {
	readonly #users = new Map<string, StoredUser>();

	/** @throws KnownError, StatusError */
	async create(body: unknown): Promise<StoredUser> {
		const fields = normalize(check(body));
		checkConsistency(fields);
		const passwordHash = (await hashFrom(fields)) ?? null;
		this.#checkEmail(fields, null);
		const user: StoredUser = {
			id: randomUUID(),
			fields,
			passwordHash,
			// A secret given at creation is kept but not asked for until an update sets it.
			requiresTotp: false,
			signedUpAt: Date.now(),
		};
		this.#users.set(user.id, user);
		return user;
	}

	async update(id: string, body: unknown): Promise<StoredUser> {
		const user = this.get(id);
		const changes = normalize(check(body));
		const fields = { ...user.fields, ...changes };
		if (fields.primary_email === null) {
			fields.primary_email_verified = false;
			fields.primary_email_auth_enabled = false;
		}
		checkConsistency(fields);
		const passwordHash = await hashFrom(changes);
		this.#checkEmail(fields, user);
		user.fields = fields;
		if (passwordHash !== undefined) user.passwordHash = passwordHash;
		if (changes.totp_secret_base64 !== undefined)
			user.requiresTotp = changes.totp_secret_base64 !== null;
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

	/** The one user who logs in by this address. */
	byLogIn(email: string): StoredUser | undefined {
		const wanted = email.toLowerCase();
		return [...this.#users.values()].find(
			({ fields }) =>
				fields.primary_email_auth_enabled && fields.primary_email === wanted,
		);
	}

	/**
	 * One page in the order of creation, or all without a limit. `query` is a search
	 * for substrings over names and addresses (an id only as a whole); restricted
	 * and anonymous users are given on request only.
	 */
	list(options: {
		query?: string;
		cursor?: string;
		limit?: number;
		include: "normal" | "restricted" | "anonymous";
	}): { items: StoredUser[]; nextCursor: string | null } {
		const wanted = options.query?.toLowerCase();
		const matching = [...this.#users.values()].filter(
			({ id, fields }) =>
				(options.include === "anonymous" || !fields.is_anonymous) &&
				(options.include !== "normal" || !fields.restricted_by_admin) &&
				(!wanted ||
					id === wanted ||
					[fields.display_name, fields.primary_email].some((text) =>
						text?.toLowerCase().includes(wanted),
					)),
		);
		const start = options.cursor
			? matching.findIndex(({ id }) => id === options.cursor)
			: 0;
		// A cursor that nobody stands behind ends the list, as a database's would.
		const rest = start < 0 ? [] : matching.slice(start);
		const items = rest.slice(0, options.limit);
		return { items, nextCursor: rest[items.length]?.id ?? null };
	}

	/** Only an address that is used to log in must be the only one of its kind. */
	#checkEmail(fields: UserFields, self: StoredUser | null): void {
		const email = fields.primary_email;
		if (!email && fields.primary_email_auth_enabled)
			throw new StatusError(
				400,
				"primary_email_auth_enabled cannot be true without primary_email",
			);
		if (!email && fields.primary_email_verified)
			throw new StatusError(
				400,
				"primary_email_verified cannot be true without primary_email",
			);
		if (!email || !fields.primary_email_auth_enabled) return;
		const other = this.byLogIn(email);
		if (other && other !== self) throw emailExists(email);
	}
}

function check(body: unknown): UserFields {
	const parsed = userFields.safeParse(body ?? {});
	if (!parsed.success) throw schemaError(z.prettifyError(parsed.error));
	return parsed.data;
}

/** What the schema lets through and the service refuses. */
function checkConsistency(fields: UserFields): void {
	for (const { id } of fields.oauth_providers ?? []) {
		if (!PROVIDERS.includes(id))
			throw new StatusError(400, `OAuth provider ${id} not found`);
	}
	if (fields.restricted_by_admin_reason && !fields.restricted_by_admin)
		throw new StatusError(
			400,
			"restricted_by_admin_reason requires restricted_by_admin=true",
		);
}

function normalize(fields: UserFields): UserFields {
	return fields.primary_email
		? { ...fields, primary_email: fields.primary_email.toLowerCase() }
		: fields;
}

/** The hash that the fields set, null to remove it, undefined to leave it. */
async function hashFrom(
	fields: UserFields,
): Promise<string | null | undefined> {
	const { password, password_hash: hash } = fields;
	if (password !== undefined && hash !== undefined)
		throw new StatusError(
			400,
			"Cannot set both password and password_hash at the same time.",
		);
	if (hash !== undefined) {
		const cost = BCRYPT.exec(hash)?.[1];
		if (cost === undefined || Number(cost) > HIGHEST_COST)
			throw new StatusError(
				400,
				"Invalid password hash. Make sure it's a supported algorithm in Modular Crypt Format.",
			);
		return hash;
	}
	return typeof password === "string" ? hashPassword(password) : password;
}

export async function hashPassword(password: string): Promise<string> {
	if (password.length > LONGEST_PASSWORD)
		throw schemaError(
			`password must be at most ${LONGEST_PASSWORD} characters`,
		);
	return bcrypt.hash(password, 10);
}

/** A user as the server API answers. */
export function present(user: StoredUser): Record<string, unknown> {
	const { fields } = user;
	const restricted =
		fields.is_anonymous === true || fields.restricted_by_admin === true;
	return {
		id: user.id,
		display_name: fields.display_name || null,
		primary_email: fields.primary_email ?? null,
		primary_email_verified: fields.primary_email_verified ?? false,
		primary_email_auth_enabled: fields.primary_email_auth_enabled ?? false,
		profile_image_url: fields.profile_image_url ?? null,
		signed_up_at_millis: user.signedUpAt,
		last_active_at_millis: user.signedUpAt,
		client_metadata: fields.client_metadata ?? null,
		client_read_only_metadata: fields.client_read_only_metadata ?? null,
		server_metadata: fields.server_metadata ?? null,
		has_password: user.passwordHash !== null,
		otp_auth_enabled: fields.otp_auth_enabled ?? false,
		auth_with_email:
			user.passwordHash !== null || fields.otp_auth_enabled === true,
		requires_totp_mfa: user.requiresTotp,
		passkey_auth_enabled: false,
		oauth_providers: fields.oauth_providers ?? [],
		selected_team: null,
		selected_team_id: null,
		is_anonymous: fields.is_anonymous ?? false,
		is_restricted: restricted,
		restricted_reason: restricted
			? {
					type: fields.is_anonymous
						? "anonymous"
						: "restricted_by_administrator",
				}
			: null,
		restricted_by_admin: fields.restricted_by_admin ?? false,
		restricted_by_admin_reason: fields.restricted_by_admin_reason ?? null,
	};
}
