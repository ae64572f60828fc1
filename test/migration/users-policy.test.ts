import assert from "node:assert/strict";
import {
	carriedHash,
	type Decision,
	decide,
	type PolicyOptions,
} from "../../migration/users/policy";
import {
	base64OfBase32,
	secondFactor,
} from "../../migration/users/second-factor";
import type { SourceUser } from "../../migration/users/source";
import {
	accountsChanged,
	changedFields,
	createBody,
	digestsOf,
	NOTHING_SENT,
	type UserFields,
	updateBody,
} from "../../migration/users/wanted";

const HASH = `$2a$10$${"a".repeat(53)}`;
const NOW = new Date("2026-06-01T00:00:00Z");

const user = (more: Partial<SourceUser> = {}): SourceUser => ({
	id: "00000000-0000-0000-0000-000000000001",
	email: "Ana@Example.com",
	phone: null,
	encrypted_password: HASH,
	email_confirmed_at: "2026-01-01T00:00:00+00:00",
	phone_confirmed_at: null,
	created_at: "2026-01-01T00:00:00+00:00",
	last_sign_in_at: null,
	raw_user_meta_data: null,
	raw_app_meta_data: null,
	banned_until: null,
	deleted_at: null,
	is_anonymous: false,
	is_sso_user: false,
	identities: [],
	factors: [],
	...more,
});

const OPTIONS: PolicyOptions & { now: Date } = {
	now: NOW,
	carryHashes: true,
	anonymousUsers: "skip",
	deletedUsers: "skip",
	ssoUsers: "skip",
	oauthProviders: new Map([
		["google", "google"],
		["azure", "microsoft"],
	]),
};

function decided(
	more: Partial<SourceUser>,
	options: Partial<PolicyOptions> = {},
	addresses = new Set<string>(),
) {
	const decision: Decision = decide(user(more), addresses, {
		...OPTIONS,
		...options,
	});
	assert.equal(decision.kind, "create");
	return decision as Extract<Decision, { kind: "create" }>;
}
const fields = (more: Partial<SourceUser>, options?: Partial<PolicyOptions>) =>
	decided(more, options).user.fields;

describe("what becomes of a user", () => {
	it("takes address, verification and hash as they are, the address in lower case", () => {
		const { user: wanted, resetDue, remarks } = decided({});
		assert.equal(wanted.fields.primary_email, "ana@example.com");
		assert.equal(wanted.fields.primary_email_verified, true);
		assert.equal(wanted.fields.primary_email_auth_enabled, true);
		assert.equal(wanted.fields.password_hash, HASH);
		assert.equal(resetDue, false);
		assert.deepEqual(remarks, []);
		assert.equal(
			fields({ email_confirmed_at: null }).primary_email_verified,
			false,
		);
	});

	it("skips who is anonymous, deleted or of single sign-on, unless told otherwise", () => {
		const kinds = [
			["anonymousUsers", { is_anonymous: true }, "anonymous"],
			["deletedUsers", { deleted_at: "2026-01-02T00:00:00Z" }, "deleted"],
			["ssoUsers", { is_sso_user: true }, "single sign-on"],
		] as const;
		for (const [option, more, reason] of kinds) {
			assert.deepEqual(decide(user(more), new Set(), OPTIONS), {
				kind: "skip",
				reason,
			});
			assert.ok(decided(more, { [option]: "create" }));
		}
		const deleted = fields(
			{ deleted_at: "2026-01-02T00:00:00Z" },
			{ deletedUsers: "create" },
		);
		assert.equal(deleted.primary_email, null);
		assert.equal(deleted.password_hash, null);
		assert.equal(deleted.restricted_by_admin_reason, "Deleted");
	});

	it("shuts out who is banned, by every way to log in, while the ban lasts", () => {
		const google = { provider: "google", provider_id: "1", email: null };
		for (const until of ["infinity", "2999-12-31T23:59:59.999+00:00"]) {
			const { user: wanted, resetDue } = decided({
				banned_until: until,
				identities: [google],
			});
			assert.equal(wanted.fields.primary_email_auth_enabled, false);
			assert.equal(wanted.fields.restricted_by_admin_reason, "Banned");
			assert.equal(wanted.fields.password_hash, HASH);
			assert.deepEqual(wanted.accounts, []);
			assert.equal(resetDue, false);
		}
		for (const past of ["2020-01-01T00:00:00+00:00", "-infinity"])
			assert.equal(
				fields({ banned_until: past }).restricted_by_admin_reason,
				null,
			);
	});

	it("lets the first of two addresses equal but for case log in", () => {
		const addresses = new Set<string>();
		const first = decided({}, {}, addresses);
		const second = decided({ email: "ANA@example.com" }, {}, addresses);
		assert.equal(first.user.fields.primary_email_auth_enabled, true);
		assert.equal(second.user.fields.primary_email_auth_enabled, false);
		assert.match(second.remarks.join(), /equal but for case/);
	});

	it("has a password set anew where none is carried and nothing else lets in", () => {
		const google = { provider: "google", provider_id: "1", email: null };
		const due = (more: Partial<SourceUser>, options = {}) =>
			decided(more, options).resetDue;
		assert.equal(due({ encrypted_password: "$argon2id$v=19$m=1" }), true);
		assert.equal(due({}, { carryHashes: false }), true);
		assert.equal(due({ encrypted_password: null }), true);
		assert.equal(
			due({ encrypted_password: null, identities: [google] }),
			false,
		);
		assert.equal(due({ identities: [google] }, { carryHashes: false }), true);
		assert.equal(due({ email: null, phone: "1555" }), false);
	});

	it("carries one account a provider that the new project has, and names the others", () => {
		const identity = (provider: string, provider_id: string) => ({
			provider,
			provider_id,
			email: null,
		});
		const { user: wanted, remarks } = decided({
			identities: [
				identity("email", "0"),
				identity("google", "1"),
				identity("google", "2"),
				identity("azure", "3"),
				identity("github", "4"),
			],
		});
		assert.deepEqual(
			wanted.accounts.map(({ provider, accountId }) => [provider, accountId]),
			[
				["google", "1"],
				["microsoft", "3"],
			],
		);
		assert.equal(remarks.length, 2);
		assert.match(remarks.join(), /second account at google.*at github/);
	});

	it("puts metadata where who wrote it may write", () => {
		const wanted = fields({
			raw_user_meta_data: { full_name: "Ana", theme: "dark" },
			raw_app_meta_data: {
				provider: "email",
				providers: ["email"],
				plan: "gold",
			},
		});
		assert.deepEqual(wanted.client_metadata, {
			full_name: "Ana",
			theme: "dark",
		});
		assert.deepEqual(wanted.client_read_only_metadata, { plan: "gold" });
		assert.equal(wanted.display_name, "Ana");
		assert.equal(
			fields({ raw_app_meta_data: { provider: "email" } })
				.client_read_only_metadata,
			null,
		);
	});

	it("cuts names to 256 units, and never through a character", () => {
		const named = (full_name: string) =>
			fields({ raw_user_meta_data: { full_name } }).display_name;
		assert.equal(named("x".repeat(300)).length, 256);
		assert.equal(named(`${"x".repeat(255)}🧊`), "x".repeat(255));
		assert.equal(named(`${"x".repeat(254)}🧊`), `${"x".repeat(254)}🧊`);
		assert.equal(named("  "), "Ana@Example.com");
	});

	it("takes an image by http or https alone", () => {
		const image = (avatar_url: unknown, picture?: string) =>
			fields({ raw_user_meta_data: { avatar_url, picture } }).profile_image_url;
		assert.equal(image("https://a.example/b.png"), "https://a.example/b.png");
		assert.equal(image(7, "http://a.example"), "http://a.example");
		for (const bad of [
			"data:image/png;base64,AA==",
			"javascript:alert(1)",
			"https://a b",
			"/avatars/1.png",
			"https://",
			`https://a.example/${"x".repeat(1e6)}`,
		])
			assert.equal(image(bad), null, bad.slice(0, 40));
	});
});

describe("which password hashes are carried", () => {
	const tail = "a".repeat(53);
	it("those of bcrypt of cost 4 to 16", () => {
		for (const kind of ["2a", "2b", "2y"])
			assert.ok(carriedHash(`$${kind}$10$${tail}`));
		for (const cost of ["04", "16"])
			assert.ok(carriedHash(`$2a$${cost}$${tail}`));
		for (const other of [
			null,
			"",
			`$2a$17$${tail}`,
			`$2a$03$${tail}`,
			`$2x$10$${tail}`,
			`$2a$10$${tail.slice(1)}`,
			`$2a$10$${tail.slice(1)}=`,
			"$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
			'{"key_id":"1","alg":"aes-gcm-hkdf","data":"","nonce":""}',
		])
			assert.equal(carriedHash(other), null);
	});
});

describe("the second factor", () => {
	it("is read from base 32 (RFC 4648's examples)", () => {
		for (const [text, bytes] of [
			["MY======", "f"],
			["MZXQ", "fo"],
			["mzxw6", "foo"],
			["MZXW6YTBOI======", "foobar"],
		] as const)
			assert.equal(base64OfBase32(text), Buffer.from(bytes).toString("base64"));
		for (const bad of ["", "A", "0189", '{"data":"x"}', "MZ XQ"])
			assert.equal(base64OfBase32(bad), null);
	});

	it("is the verified secret used last; the others are named", () => {
		const totp = { type: "totp", verified: true, secret: "MZXW6YTBOI" };
		const { totpSecretBase64, remarks } = secondFactor([
			totp,
			{ ...totp, secret: "GEZDGNBV" },
			{ ...totp, verified: false },
			{ type: "phone", verified: true, secret: null },
		]);
		assert.equal(totpSecretBase64, Buffer.from("foobar").toString("base64"));
		assert.equal(remarks.length, 3);
	});

	it("is missed where none can be carried", () => {
		for (const factor of [
			{ type: "phone", verified: true, secret: null },
			{ type: "totp", verified: true, secret: '{"alg":"aes-gcm-hkdf"}' },
		]) {
			const { totpSecretBase64, remarks } = secondFactor([factor]);
			assert.equal(totpSecretBase64, null);
			assert.match(remarks.join(), /logs in without a second factor/);
		}
		const never = { type: "totp", verified: false, secret: "MZXW6YTBOI" };
		assert.doesNotMatch(
			secondFactor([never]).remarks.join(),
			/logs in without/,
		);
	});
});

describe("what is sent to Stack Auth", () => {
	const wanted = decided({}).user;
	const sent = digestsOf(wanted);
	const with_ = (more: Partial<UserFields>): UserFields => ({
		...wanted.fields,
		...more,
	});

	it("is what changed, and nothing for a later log-in in the old system", () => {
		assert.deepEqual(changedFields(sent, wanted.fields), {});
		assert.deepEqual(
			changedFields(
				sent,
				fields({ last_sign_in_at: "2026-05-31T00:00:00+00:00" }),
			),
			{},
		);
		assert.deepEqual(
			changedFields(sent, with_({ primary_email_verified: false })),
			{ primary_email_verified: false },
		);
		assert.equal(accountsChanged(sent, wanted.accounts), false);
	});

	it("takes away what is no longer there", () => {
		assert.deepEqual(
			updateBody(
				changedFields(sent, with_({ password_hash: null })),
				wanted.fields,
			),
			{ password: null },
		);
		const banned = digestsOf(decided({ banned_until: "infinity" }).user);
		assert.deepEqual(
			updateBody(changedFields(banned, wanted.fields), wanted.fields),
			{
				primary_email_auth_enabled: true,
				restricted_by_admin: false,
				restricted_by_admin_reason: null,
				server_metadata: wanted.fields.server_metadata,
			},
		);
	});

	it("never lets a new address go unverified or without log-in by accident", () => {
		const moved = with_({ primary_email: "new@example.com" });
		assert.deepEqual(updateBody(changedFields(sent, moved), moved), {
			primary_email: "new@example.com",
			primary_email_verified: true,
			primary_email_auth_enabled: true,
		});
	});

	it("is at creation all but what is not there", () => {
		const body = createBody(wanted.fields, []);
		assert.ok(!Object.values(body).includes(null));
		assert.ok(!("is_anonymous" in body) && !("restricted_by_admin" in body));
		const anonymous = fields(
			{ is_anonymous: true },
			{ anonymousUsers: "create" },
		);
		assert.equal(createBody(anonymous, []).is_anonymous, true);
		// An update knows only the way out of being anonymous.
		assert.ok(
			!(
				"is_anonymous" in
				updateBody(changedFields(NOTHING_SENT, anonymous), anonymous)
			),
		);
	});
});
