import bcrypt from "bcryptjs";
import { z } from "zod";
import { KnownError, StatusError, schemaError } from "./errors";

/** Of Stack Auth's check of password_hash: bcrypt in modular crypt format, cost up to 16. */
const BCRYPT = /^\$2[ayb]\$(\d\d)\$.{53}$/;
const LOWEST_COST = 4;
const HIGHEST_COST = 16;
const LONGEST_PASSWORD = 70;
const SHORTEST_PASSWORD = 8;
const LARGEST_IMAGE = 1_000_000;

const metadata = z.unknown();

/**
 * What update takes; id and created_at cannot be set, unknown keys are refused
 * (packages/stack-shared/src/interface/crud/users.ts).
 */
const updateFields = z.strictObject({
	display_name: z.string().max(256).nullish(),
	profile_image_url: z.string().max(LARGEST_IMAGE).nullish(),
	client_metadata: metadata.optional(),
	client_read_only_metadata: metadata.optional(),
	server_metadata: metadata.optional(),
	primary_email: z.email().nullish(),
	primary_email_verified: z.boolean().optional(),
	primary_email_auth_enabled: z.boolean().optional(),
	password: z.string().max(LONGEST_PASSWORD).nullish(),
	password_hash: z.string().min(1).optional(),
	otp_auth_enabled: z.boolean().optional(),
	totp_secret_base64: z.base64().nullish(),
	is_anonymous: z.literal(false).optional(),
	restricted_by_admin: z.boolean().optional(),
	restricted_by_admin_reason: z.string().nullish(),
	restricted_by_admin_private_details: z.string().nullish(),
});

const createFields = updateFields.extend({
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
});

const accountFields = z.strictObject({
	user_id: z.uuid(),
	provider_config_id: z.string(),
	email: z.email().optional(),
	allow_sign_in: z.boolean(),
	allow_connected_accounts: z.boolean(),
	account_id: z.string(),
});

export type UpdateFields = z.infer<typeof updateFields>;
export type CreateFields = z.infer<typeof createFields>;
/** What create and update have in common. */
export type CommonFields = Omit<UpdateFields, "is_anonymous">;
export type AccountFields = z.infer<typeof accountFields>;

/** @throws KnownError, StatusError */
export const checkCreate = (body: unknown): CreateFields =>
	normalize(read(createFields, body ?? {}));

/** @throws KnownError, StatusError */
export const checkUpdate = (body: unknown): UpdateFields =>
	normalize(read(updateFields, body ?? {}));

/** @throws KnownError */
export const checkAccount = (body: unknown): AccountFields =>
	read(accountFields, body ?? {});

/** Reads a body as the schema has it. @throws KnownError */
export function read<Schema extends z.ZodType>(
	schema: Schema,
	body: unknown,
): z.output<Schema> {
	const parsed = schema.safeParse(body);
	if (!parsed.success) throw schemaError(z.prettifyError(parsed.error));
	return parsed.data;
}

/** An address as it is stored (apps/backend/src/lib/emails.tsx). */
export function normalizeEmail(email: string): string {
	return email.trim().toLowerCase();
}

function normalize<Fields extends CommonFields>(fields: Fields): Fields {
	const image = fields.profile_image_url;
	// A data URL would be uploaded to S3, which a stand-in does not have.
	if (image && !(/^https?:\/\//.test(image) && URL.canParse(image)))
		throw new StatusError(400, "Invalid profile image URL");
	return fields.primary_email
		? { ...fields, primary_email: normalizeEmail(fields.primary_email) }
		: fields;
}

/** The hash that the fields set, null to remove it, undefined to leave it. */
export async function hashFrom(
	fields: CommonFields,
): Promise<string | null | undefined> {
	const { password, password_hash: hash } = fields;
	if (password !== undefined && hash !== undefined)
		throw new StatusError(
			400,
			"Cannot set both password and password_hash at the same time.",
		);
	if (hash !== undefined) {
		const cost = Number(BCRYPT.exec(hash)?.[1]);
		if (!(cost >= LOWEST_COST && cost <= HIGHEST_COST))
			throw new StatusError(
				400,
				"Invalid password hash. Make sure it's a supported algorithm in Modular Crypt Format.",
			);
		return hash;
	}
	return typeof password === "string" ? bcrypt.hash(password, 10) : password;
}

/** @throws KnownError as for a new password after a reset. */
export function checkNewPassword(password: string): void {
	if (password.length < SHORTEST_PASSWORD)
		throw new KnownError(
			400,
			"PASSWORD_TOO_SHORT",
			`Password too short. Minimum length is ${SHORTEST_PASSWORD}.`,
			{ min_length: SHORTEST_PASSWORD },
		);
}
