import type { Row } from "./copy";
import type { Draw } from "./draw";
import type { Person } from "./people";

const CREATED = "2024-03-01T08:00:00.123456Z";

/** Rows of auth.users and what hangs on it. */
export function* authUsers(draw: Draw, people: Person[]): Generator<Row> {
	for (const [index, person] of people.entries()) {
		yield {
			instance_id: "00000000-0000-0000-0000-000000000000",
			id: person.id,
			aud: "authenticated",
			role: "authenticated",
			email: person.email,
			encrypted_password: person.passwordHash,
			email_confirmed_at: person.email && person.confirmed ? CREATED : null,
			confirmation_token: person.confirmed
				? ""
				: draw.hex(32, "confirmation", index),
			recovery_token: "",
			email_change_token_new: "",
			email_change: "",
			last_sign_in_at: index % 5 === 4 ? null : "2026-05-30T17:00:00.5Z",
			raw_app_meta_data: {
				provider: person.provider,
				providers: [person.provider],
			},
			raw_user_meta_data: metadata(index, person),
			is_super_admin: index % 2 === 0 ? null : false,
			created_at: CREATED,
			updated_at: CREATED,
			phone: person.phone,
			phone_confirmed_at: person.provider === "phone" ? CREATED : null,
			banned_until: person.bannedUntil,
			is_sso_user: person.provider.startsWith("sso:"),
			deleted_at: person.deletedAt,
			is_anonymous: person.provider === "anonymous",
		};
	}
}

function metadata(index: number, person: Person): Row | null {
	if (index % 31 === 30) return null;
	return {
		full_name: person.name,
		locale: "en-US",
		note: index % 13 === 0 ? "tab\there, \\ and “quotes” 🧊" : null,
	};
}

export function* identities(draw: Draw, people: Person[]): Generator<Row> {
	for (const person of people) {
		if (person.provider === "anonymous") continue;
		const providerId =
			person.provider === "google"
				? draw.number(2 ** 31, "google", person.id) + 1e15
				: person.id;
		yield {
			id: draw.uuid("identity", person.id),
			provider_id: String(providerId),
			user_id: person.id,
			provider: person.provider,
			identity_data: {
				sub: String(providerId),
				email: person.email,
				email_verified: person.confirmed,
			},
			last_sign_in_at: CREATED,
			created_at: CREATED,
			updated_at: CREATED,
		};
	}
}

export function* factors(draw: Draw, people: Person[]): Generator<Row> {
	for (const person of people) {
		if (!person.totp) continue;
		yield {
			id: draw.uuid("factor", person.id),
			user_id: person.id,
			friendly_name: "phone",
			factor_type: "totp",
			status: person.totp,
			created_at: CREATED,
			updated_at: CREATED,
			secret: base32(draw.hex(32, "totp", person.id)),
		};
	}
}

/** Hexadecimal digits as digits of base 32 (RFC 4648), each standing for itself. */
function base32(hex: string): string {
	return hex.replace(/\d/g, (digit) => "GHIJKLMNOP"[Number(digit)] ?? "A");
}

export function* profiles(draw: Draw, people: Person[]): Generator<Row> {
	for (const [index, person] of people.entries()) {
		yield {
			id: draw.uuid("profile", person.id),
			organization_id: person.organization?.id ?? null,
			user_id: person.id,
			email: person.email ?? "",
			full_name: person.name,
			phone: index % 7 === 3 ? person.phone : index % 2 === 0 ? "" : null,
			avatar_url:
				index % 9 === 0
					? `https://project.supabase.co/storage/v1/object/public/public-assets/avatars/${person.id}.png`
					: null,
			notification_preferences: {
				email: true,
				sms: index % 3 === 0,
				push: null,
			},
			quiet_hours_enabled: index % 11 === 0,
			quiet_hours_start: index % 11 === 0 ? "22:00:00" : null,
			quiet_hours_end: index % 11 === 0 ? "24:00:00" : null,
			quiet_hours_timezone: index % 11 === 0 ? "America/New_York" : null,
			vacation_alternate_user_id: index === 8 ? people[0]?.id : null,
			vacation_mode: index === 8,
			created_at: CREATED,
			updated_at: "2026-05-01T00:00:00Z",
		};
	}
}

export function* roles(draw: Draw, people: Person[]): Generator<Row> {
	for (const person of people) {
		if (!person.organization) continue;
		yield {
			id: draw.uuid("role", person.id),
			organization_id: person.organization.id,
			user_id: person.id,
			role: person.role,
			created_at: CREATED,
		};
	}
}
