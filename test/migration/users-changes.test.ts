import assert from "node:assert/strict";
import bcrypt from "bcryptjs";
import { migrateHere } from "./cli";
import { type Database, emptySource, run } from "./databases";
import { mulberry32, randomTrouble } from "./unreliable-proxy";
import { moveAll, NewSystem, type StoredUser, uuidOf } from "./users-fixture";

const PASSWORD = "correct horse";
/** Of cost 4, so that log-ins take no time. */
const HASH = bcrypt.hashSync(PASSWORD, 4);
/** Random sequences of changes to go through; each takes about 2 s. */
const SEEDS = Number(process.env.SOAK_SEEDS ?? 2);

/** Users a to j, the elder first: e has an account at Google and f none, g is banned, h has a second factor. */
const USERS = `
	INSERT INTO auth.users (id, email, encrypted_password, email_confirmed_at, created_at, banned_until, raw_user_meta_data)
	SELECT md5(name)::uuid, name || '@example.com', '${HASH}', now(), '2026-01-01'::timestamptz + n * interval '1 s',
		CASE name WHEN 'g' THEN now() + interval '1 day' END, jsonb_build_object('full_name', 'User ' || name)
	FROM unnest('{a,b,c,d,e,f,g,h,i,j}'::text[]) WITH ORDINALITY AS u (name, n);
	INSERT INTO auth.identities (provider_id, user_id, identity_data, provider)
	VALUES ('google-e', md5('e')::uuid, '{}', 'google');
	INSERT INTO auth.mfa_factors (id, user_id, factor_type, status, secret, created_at, updated_at)
	VALUES (md5('factor')::uuid, md5('h')::uuid, 'totp', 'verified', 'GEZDGNBVGY3TQOJQ', now(), now());
`;

describe("users who change between two runs", () => {
	let source: Database;
	let system: NewSystem;
	let fresh: NewSystem | undefined;
	const users = () => migrateHere(["users"], system.env);
	/** Changes the old system as only its own Auth service can. */
	const old = (sql: string) => run(source.superuserUrl, sql);
	const address = (name: string, email: string) =>
		`UPDATE auth.users SET email = '${email}@example.com' WHERE id = md5('${name}')::uuid;`;
	/** Several at once, as a unique index stands over the addresses. */
	const addresses = async (emails: Record<string, string>) => {
		const all = Object.entries(emails);
		await old(
			[
				...all.map(([name]) => address(name, `${name}.between`)),
				...all.map(([name, email]) => address(name, email)),
			].join("\n"),
		);
	};
	const signUp = (name: string, email: string) =>
		old(`
			INSERT INTO auth.users (id, email, encrypted_password, created_at)
			VALUES (md5('${name}')::uuid, '${email}@example.com', '${HASH}', now())
		`);
	const stored = async (name: string) => {
		const user = (await system.moved()).get(uuidOf(name));
		assert.ok(user, `${name} is not there`);
		return user;
	};

	/** The last run left nothing undone, and all are what a first run would make of them now. */
	async function asInTheSource(): Promise<void> {
		system.proxy.trouble = () => "none";
		system.proxy.reset();
		const { json, exitCode } = await users();
		assert.equal(exitCode, 0, JSON.stringify(json.conflicts));
		assert.deepEqual(system.proxy.writes, [], "something was left undone");
		fresh = await NewSystem.start(source);
		await migrateHere(["users"], fresh.env);
		const there = await states(system);
		const wanted = await states(fresh);
		for (const [id, user] of wanted) assert.deepEqual(there.get(id), user);
		for (const [id, user] of there)
			if (!wanted.has(id)) {
				assert.equal(user.restricted_by_admin, true);
				assert.equal(user.primary_email_auth_enabled, false);
				assert.deepEqual(user.oauth_providers, []);
			}
	}

	/** One run does it, without a conflict. */
	async function inOneRun(): Promise<void> {
		const { json, exitCode } = await users();
		assert.equal(exitCode, 0, JSON.stringify(json.conflicts));
		await asInTheSource();
	}

	beforeEach(async () => {
		source = await emptySource();
		await run(source.superuserUrl, USERS);
		system = await NewSystem.start(source);
		assert.equal((await users()).exitCode, 0);
	});
	afterEach(async () => {
		await system.stop();
		await fresh?.stop();
		fresh = undefined;
	});

	describe("their addresses", () => {
		it("swap them", async () => {
			await addresses({ a: "b", b: "a" });
			await inOneRun();
			assert.equal((await stored("a")).primary_email, "b@example.com");
			assert.ok(await system.logsIn("a@example.com", PASSWORD));
		});

		it("pass them on in a circle and in a row, down to one who is new", async () => {
			await addresses({ a: "b", b: "c", c: "a", d: "e", e: "f", f: "free" });
			await signUp("new", "d");
			await inOneRun();
			assert.equal((await stored("new")).primary_email, "d@example.com");
		});

		it("swap them and back again", async () => {
			await addresses({ a: "b", b: "a" });
			await users();
			await addresses({ a: "a", b: "b" });
			await inOneRun();
		});

		it("take one that another gave up, without a new one or with their whole account", async () => {
			await old(`
				UPDATE auth.users SET email = NULL, phone = '1555' WHERE id = md5('f')::uuid;
				DELETE FROM auth.users WHERE id = md5('j')::uuid;
				UPDATE auth.users SET deleted_at = now(), email = NULL WHERE id = md5('i')::uuid;
			`);
			await addresses({ a: "f", b: "j", c: "i" });
			await inOneRun();
			for (const email of ["f", "j", "i"])
				assert.ok(await system.logsIn(`${email}@example.com`, PASSWORD));
		});

		it("are those of an account that was deleted and made again, with its account at a provider", async () => {
			await old(`
				DELETE FROM auth.identities WHERE user_id = md5('e')::uuid;
				DELETE FROM auth.users WHERE id = md5('e')::uuid;
			`);
			await signUp("new", "e");
			await old(`
				INSERT INTO auth.identities (provider_id, user_id, identity_data, provider)
				VALUES ('google-e', md5('new')::uuid, '{}', 'google')
			`);
			await inOneRun();
			assert.equal((await stored("new")).primary_email, "e@example.com");
			assert.equal((await stored("e")).restricted_by_admin_reason, "Deleted");
		});

		it("change in case only, of which nothing is sent", async () => {
			await addresses({ a: "A" });
			system.proxy.reset();
			assert.equal((await users()).exitCode, 0);
			assert.deepEqual(system.proxy.writes, []);
			await asInTheSource();
		});

		it("are free for one who signed up in the new system no longer", async () => {
			await system.call("server", "POST", "/users", {
				display_name: "early bird",
				primary_email: "free@example.com",
				primary_email_auth_enabled: true,
			});
			await addresses({ a: "free", b: "a" });
			const { json, exitCode } = await users();
			assert.equal(exitCode, 3);
			assert.deepEqual(json.conflicts, [
				{
					id: uuidOf("a"),
					reason: "Stack Auth has another user with this e-mail address",
				},
			]);
			assert.equal((await stored("b")).primary_email, "a@example.com");
			// Nobody logs in as a by an address that is b's now.
			assert.equal((await stored("a")).primary_email_auth_enabled, false);
		});
	});

	describe("their accounts at providers", () => {
		const give = (name: string) =>
			old(
				`UPDATE auth.identities SET user_id = md5('${name}')::uuid WHERE provider_id = 'google-e'`,
			);

		it("move to another user, who was there or is new", async () => {
			await give("a");
			await inOneRun();
			assert.equal((await stored("a")).oauth_providers.length, 1);
			await signUp("new", "new");
			await give("new");
			const began = performance.now();
			await inOneRun();
			assert.ok(performance.now() - began < 20_000, "tried for long");
			assert.equal((await stored("new")).oauth_providers.length, 1);
		});

		it("are swapped together with their addresses", async () => {
			await old(`
				INSERT INTO auth.identities (provider_id, user_id, identity_data, provider)
				VALUES ('google-a', md5('a')::uuid, '{}', 'google')
			`);
			await inOneRun();
			await addresses({ a: "e", e: "a" });
			await old(`
				UPDATE auth.identities SET user_id = CASE provider_id
					WHEN 'google-a' THEN md5('e')::uuid ELSE md5('a')::uuid END
			`);
			await inOneRun();
		});

		it("are held by somebody who signed up in the new system: a person decides, and nobody is made twice", async () => {
			await system.call("server", "POST", "/users", {
				display_name: "early bird",
				oauth_providers: [{ id: "google", account_id: "google-new" }],
			});
			await old(`
				INSERT INTO auth.users (id, phone, created_at) VALUES (md5('new')::uuid, '1556', now());
				INSERT INTO auth.identities (provider_id, user_id, identity_data, provider)
				VALUES ('google-new', md5('new')::uuid, '{}', 'google')
			`);
			for (let times = 0; times < 2; times++) {
				const { json, exitCode } = await users();
				assert.equal(exitCode, 3);
				assert.deepEqual(json.conflicts, [
					{
						id: uuidOf("new"),
						reason:
							"another user of Stack Auth signs in by this account at a provider",
					},
				]);
			}
			assert.equal((await stored("new")).oauth_providers.length, 0);
		});
	});

	it("log in again when their ban has ended, and without the second factor that they removed", async () => {
		assert.equal(await system.logsIn("g@example.com", PASSWORD), false);
		assert.equal(await system.logsIn("h@example.com", PASSWORD), false);
		await old(`
			UPDATE auth.users SET banned_until = now() - interval '1 s' WHERE id = md5('g')::uuid;
			DELETE FROM auth.mfa_factors;
		`);
		await inOneRun();
		assert.ok(await system.logsIn("g@example.com", PASSWORD));
		assert.ok(await system.logsIn("h@example.com", PASSWORD));
	});

	it("do so after their map was lost with the target", async () => {
		await old(`
			UPDATE auth.users SET banned_until = NULL WHERE id = md5('g')::uuid;
			DELETE FROM auth.mfa_factors;
		`);
		await addresses({ a: "b", b: "a", f: "new" });
		await run(system.target.url, "TRUNCATE cutover.user_map");
		await inOneRun();
	});

	it("are let alone where both systems removed them", async () => {
		const { id } = await stored("j");
		await system.call("server", "DELETE", `/users/${id}`);
		await old("DELETE FROM auth.users WHERE id = md5('j')::uuid");
		await inOneRun();
	});

	it("give their address up though nobody knew that they had been made", async () => {
		await signUp("late", "late");
		// Made, but neither that nor any search is answered.
		system.proxy.trouble = ({ path }) =>
			path.startsWith("/api/v1/users") ? "commit then fail" : "none";
		assert.equal((await moveAll(source, system, 1)).conflicts.length, 1);
		system.proxy.trouble = () => "none";
		await old("DELETE FROM auth.users WHERE id = md5('late')::uuid");
		await signUp("later", "late");
		await inOneRun();
		assert.equal((await stored("later")).primary_email, "late@example.com");
	});

	it("change back before a change that failed is tried again", async () => {
		await addresses({ a: "new" });
		await old(
			"UPDATE auth.users SET banned_until = 'infinity' WHERE id = md5('c')::uuid",
		);
		// The change is carried out; what follows never answers.
		system.proxy.trouble = ({ method, path }) =>
			method === "PATCH" || path.includes("contact-channels")
				? "commit then fail"
				: "none";
		const { conflicts } = await moveAll(source, system, 1);
		assert.equal(conflicts.length, 2);
		system.proxy.trouble = () => "none";
		await addresses({ a: "a" });
		await old(
			"UPDATE auth.users SET banned_until = NULL WHERE id = md5('c')::uuid",
		);
		await inOneRun();
	});

	for (let seed = 1; seed <= SEEDS; seed++)
		it(`are what they are in the source after any changes, though answers are lost (seed ${seed})`, async () => {
			const random = mulberry32(seed);
			for (let round = 0; round < 4; round++) {
				await old(randomChanges(random, round));
				system.proxy.trouble = randomTrouble(seed + round, {
					lost: 10,
					throttled: 5,
				});
				const { conflicts } = await moveAll(source, system, 2);
				assert.deepEqual(conflicts, []);
			}
			await asInTheSource();
		});
});

/** Hands addresses and accounts round, lifts and lays bans, removes a user and adds one. */
function randomChanges(random: () => number, round: number): string {
	const salt = Math.floor(random() * 1e9);
	const some = (share: number) =>
		`hashtextextended(u.id::text, ${Math.floor(random() * 1e9)}) % 100 + 100 < ${share * 2}`;
	return `
		DELETE FROM auth.identities WHERE user_id = (SELECT id FROM auth.users u ORDER BY hashtextextended(id::text, ${salt}) LIMIT 1);
		DELETE FROM auth.mfa_factors;
		DELETE FROM auth.users WHERE id = (SELECT id FROM auth.users u ORDER BY hashtextextended(id::text, ${salt}) LIMIT 1);
		INSERT INTO auth.users (id, email, encrypted_password, created_at)
		VALUES (md5('late ${round}')::uuid, 'late${round}@example.com', '${HASH}', now());
		CREATE TEMPORARY TABLE dealt AS
			SELECT u.id, other.email FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM auth.users u WHERE ${some(70)}) u
			JOIN (SELECT email, row_number() OVER (ORDER BY hashtextextended(id::text, ${salt + 1})) AS n FROM auth.users u
				WHERE id IN (SELECT id FROM auth.users)) other USING (n);
		UPDATE auth.users SET email = id || '@round${round}.example.com';
		UPDATE auth.users u SET email = dealt.email FROM dealt WHERE dealt.id = u.id;
		DROP TABLE dealt;
		UPDATE auth.users u SET banned_until = CASE WHEN ${some(20)} THEN 'infinity'::timestamptz END;
		UPDATE auth.identities SET user_id = (SELECT id FROM auth.users u ORDER BY hashtextextended(id::text, ${salt + 2}) LIMIT 1);
		INSERT INTO auth.mfa_factors (id, user_id, factor_type, status, secret, created_at, updated_at)
		SELECT id, id, 'totp', 'verified', 'GEZDGNBVGY3TQOJQ', now(), now() FROM auth.users u WHERE ${some(30)};
	`;
}

/** What a user may do there, without what differs from project to project. */
async function states(
	system: NewSystem,
): Promise<Map<string, Omit<StoredUser, "id"> & { channels: unknown }>> {
	const all = new Map();
	for (const [oldId, { id, ...user }] of await system.moved()) {
		const { body } = await system.call(
			"server",
			"GET",
			`/contact-channels?user_id=${id}`,
		);
		all.set(oldId, {
			...user,
			server_metadata: null,
			// Their addresses are for show.
			oauth_providers: user.oauth_providers.map((account) => ({
				...(account as object),
				email: null,
			})),
			signed_up_at_millis: 0,
			last_active_at_millis: 0,
			channels: body.items.map(
				(channel: { value: string; used_for_auth: boolean }) => [
					channel.value,
					channel.used_for_auth,
				],
			),
		});
	}
	return all;
}
