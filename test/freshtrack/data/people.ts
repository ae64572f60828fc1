import { createHmac } from "node:crypto";
import bcrypt from "bcryptjs";
import type { Draw } from "./draw";
import type { Organization } from "./places";

export type Role =
	| "owner"
	| "admin"
	| "manager"
	| "staff"
	| "viewer"
	| "inspector";

export interface Person {
	id: string;
	email: string | null;
	name: string | null;
	/** Anonymous and phone-only people belong to none. */
	organization: Organization | null;
	role: Role;
	passwordHash: string | null;
	provider: "email" | "google" | "phone" | "anonymous" | "sso:okta";
	confirmed: boolean;
	bannedUntil: string | null;
	deletedAt: string | null;
	phone: string | null;
	totp: "verified" | "unverified" | null;
}

/** A log-in that a rehearsal may use; without a password the old hash cannot be carried over. */
export interface LogIn {
	email: string;
	password: string | null;
	userId: string;
	organizationId: string;
	role: Role;
}

const FIRST = [
	"Ana",
	"Björn",
	"Chloé",
	"Dmitri",
	"Élodie",
	"Farid",
	"Grace",
	"Hiroshi",
	"İpek",
	"José",
	"Kwame",
	"Łucja",
];
const LAST = [
	"Nguyen",
	"Müller",
	"O'Neill",
	"García",
	"Kowalski",
	"Sato",
	"Okafor",
	"Lindström",
	"de la Cruz",
	"Smith",
];
const ROLES: Role[] = [
	"owner",
	"admin",
	"manager",
	"staff",
	"staff",
	"staff",
	"viewer",
	"viewer",
	"inspector",
];
const PEOPLE = 240;
/** bcrypt's own base64 alphabet; the salt is 22 digits of it, the last of four kinds. */
const SALT_ALPHABET =
	"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/** Supabase Auth's. */
const COST = "10";

/**
 * The password of a person whose hash carries one: 16 letters, a function of
 * seed and address. Nothing prints it.
 */
export function passwordOf(seed: string, email: string): string {
	return createHmac("sha256", seed)
		.update(email)
		.digest("base64url")
		.slice(0, 16);
}

/**
 * 240 people over the organizations, with what a live auth.users holds: bcrypt
 * in all three spellings, a hash of another kind, people without a password, banned,
 * deleted, anonymous, unverified, by phone only, and two twins by case.
 */
export async function inventPeople(
	draw: Draw,
	organizations: Organization[],
): Promise<Person[]> {
	const shared = await Promise.all(
		["$2a$", "$2b$", "$2y$"].map((kind) =>
			bcrypt.hash(
				draw.hex(16, "shared password", kind),
				salt(draw, kind, "shared"),
			),
		),
	);
	const people: Person[] = [];
	for (let index = 0; index < PEOPLE; index += 1) {
		const organization = organizations[index % organizations.length] ?? null;
		const first = draw.pick(FIRST, "first", index);
		const last = draw.pick(LAST, "last", index);
		people.push({
			id: draw.uuid("user", index),
			email: `${ascii(first)}.${ascii(last)}.${index}@${organization?.slug}.example`,
			name: index % 17 === 0 ? "" : `${first} ${last}`,
			organization,
			role:
				ROLES[Math.floor(index / organizations.length) % ROLES.length] ??
				"viewer",
			passwordHash: shared[index % shared.length] ?? null,
			provider: "email",
			confirmed: index % 29 !== 28,
			bannedUntil: null,
			deletedAt: null,
			phone: index % 7 === 3 ? `1555${String(1_000_000 + index)}` : null,
			totp: null,
		});
	}
	await makeSpecial(draw, people);
	return people;
}

/** People whose log-in rehearsals know: two with a carried password, one without. */
const KNOWN = { owner: 0, staff: 32, withoutPassword: 33 };

export function knownLogIns(draw: Draw, people: Person[]): LogIn[] {
	return Object.values(KNOWN).map((index) => {
		const person = people[index];
		if (!person?.email || !person.organization)
			throw new Error(`person ${index} has no log-in`);
		return {
			email: person.email,
			password: person.passwordHash
				? passwordOf(draw.seed, person.email)
				: null,
			userId: person.id,
			organizationId: person.organization.id,
			role: person.role,
		};
	});
}

async function makeSpecial(draw: Draw, people: Person[]): Promise<void> {
	const change = (index: number, changes: Partial<Person>) => {
		const person = people[index];
		if (person) Object.assign(person, changes);
	};
	for (const [index, kind] of [
		[KNOWN.owner, "$2a$"],
		[KNOWN.staff, "$2y$"],
	] as const) {
		const email = people[index]?.email ?? "";
		change(index, {
			confirmed: true,
			passwordHash: await bcrypt.hash(
				passwordOf(draw.seed, email),
				salt(draw, kind, email),
			),
		});
	}
	const google: Partial<Person> = {
		provider: "google",
		passwordHash: null,
		confirmed: true,
	};
	change(KNOWN.withoutPassword, google);
	for (let index = 100; index < 112; index += 1) {
		change(index, { ...google, passwordHash: index % 2 === 0 ? "" : null });
	}
	change(120, {
		passwordHash:
			"$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0$Yh4XhX0o3l9m7n5m0Y1e3k7b2f8k6q9z1x3c5v7b9n0",
	});
	change(121, { bannedUntil: "2999-12-31T23:59:59.999Z" });
	change(122, { bannedUntil: "infinity" });
	change(123, { bannedUntil: "2020-01-01T00:00:00Z" });
	change(124, { deletedAt: "2026-02-03T04:05:06.789012Z" });
	change(125, {
		email: null,
		name: null,
		organization: null,
		provider: "anonymous",
		passwordHash: null,
		phone: null,
	});
	change(126, {
		email: null,
		organization: null,
		provider: "phone",
		passwordHash: null,
		phone: "15550000126",
	});
	change(127, { email: "Pat.Twin@org-8.example" });
	change(135, { email: "pat.twin@org-8.example" });
	change(136, { provider: "sso:okta", passwordHash: null });
	change(137, { totp: "verified" });
	change(138, { totp: "verified" });
	change(139, { totp: "unverified" });
}

function salt(draw: Draw, kind: string, name: string): string {
	const digits = Array.from({ length: 21 }, (_, index) =>
		draw.pick([...SALT_ALPHABET], "salt", kind, name, index),
	);
	return `${kind}${COST}$${digits.join("")}.`;
}

function ascii(name: string): string {
	return name
		.normalize("NFD")
		.replaceAll("Ł", "L")
		.replace(/[^A-Za-z]/g, "")
		.toLowerCase();
}
