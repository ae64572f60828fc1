import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type Database, emptySource, run, using } from "./databases";
import { mulberry32, randomTrouble } from "./unreliable-proxy";
import { moveAll, NewSystem, type StoredUser } from "./users-fixture";

const HASH = `$2a$10$${"a".repeat(53)}`;
const THOUSAND = 1000;
/** Random sequences of troubles to go through; each takes about 5 s. */
const SEEDS = Number(process.env.SOAK_SEEDS ?? 1);
/** Milliseconds, where the command line waits 250. */
const FIRST_DELAY = 2;

/**
 * So many users. One in ten has no address, so that nothing but the search for
 * its old id keeps it from being made twice; one in twenty has a second factor,
 * and one in twenty an account at a provider.
 */
const users = (count: number) => `
	INSERT INTO auth.users (id, email, phone, encrypted_password, email_confirmed_at, created_at, raw_user_meta_data)
	SELECT md5('user ' || n)::uuid, CASE WHEN n % 10 > 0 THEN 'user' || n || '@example.com' END,
		CASE WHEN n % 10 = 0 THEN '1555' || n END, '${HASH}', now(), '2026-01-01'::timestamptz + n * interval '1 s',
		jsonb_build_object('full_name', CASE WHEN n % 3 = 0 THEN 'A\\_Common % Name' ELSE 'User ' || n END)
	FROM generate_series(1, ${count}) n;
	INSERT INTO auth.identities (provider_id, user_id, identity_data, provider)
	SELECT 'google-' || n, md5('user ' || n)::uuid, '{}', 'google' FROM generate_series(7, ${count}, 20) n;
	INSERT INTO auth.mfa_factors (id, user_id, factor_type, status, secret, created_at, updated_at)
	SELECT md5('factor ' || n)::uuid, md5('user ' || n)::uuid, 'totp', 'verified', 'GEZDGNBVGY3TQOJQ', now(), now()
	FROM generate_series(9, ${count}, 20) n;
`;

describe("many users", () => {
	let source: Database;
	let system: NewSystem;
	let count: number;

	async function start(users_: number): Promise<void> {
		count = users_;
		source = await emptySource();
		await run(source.superuserUrl, users(count));
		system = await NewSystem.start(source);
	}
	afterEach(() => system.stop());

	const move = (firstDelay = FIRST_DELAY) =>
		moveAll(source, system, firstDelay);

	/** Everybody is there once, as what they are, and the map names them. */
	async function allThere(): Promise<void> {
		const there = await system.moved();
		assert.equal(there.size, count);
		const map = await system.map();
		assert.equal(map.length, count);
		for (const { old_id, new_id, state, reason } of map) {
			assert.equal(state, "moved");
			assert.equal(reason, null);
			assert.equal(new_id, there.get(old_id)?.id);
		}
		const with_ = (of: (user: StoredUser) => boolean) =>
			[...there.values()].filter(of).length;
		assert.deepEqual(
			{
				passwords: with_((user) => user.has_password),
				factors: with_((user) => user.requires_totp_mfa),
				accounts: with_((user) => user.oauth_providers.length > 0),
			},
			{ passwords: count * 0.9, factors: count / 20, accounts: count / 20 },
		);
	}

	/** A further run asks for the project and does nothing. */
	async function nothingLeft(): Promise<void> {
		system.proxy.trouble = () => "none";
		system.proxy.reset();
		const { alreadyMoved, moved, updated } = await move();
		assert.deepEqual([alreadyMoved, moved, updated], [count, 0, 0]);
		assert.deepEqual(system.proxy.writes, []);
		assert.ok(system.proxy.seen.length <= 1);
	}

	for (let seed = 1; seed <= SEEDS; seed++)
		it(`are there exactly once though a quarter of all answers fail (seed ${seed})`, async () => {
			await start(THOUSAND);
			system.proxy.trouble = randomTrouble(seed, { lost: 20, throttled: 5 });
			const { conflicts, moved } = await move();
			assert.deepEqual(conflicts, []);
			assert.equal(moved, count);
			await allThere();
			await nothingLeft();
		});

	it("are there exactly once though the run is killed again and again", async () => {
		await start(300);
		const random = mulberry32(3);
		for (let kills = 0; kills < 3; kills++) {
			const child = spawn(
				process.execPath,
				["--import", "tsx", join(__dirname, "../../migration/cli.ts"), "users"],
				{ env: { ...process.env, ...system.env }, stdio: "ignore" },
			);
			const writes = system.proxy.writes.length + 10 + random() * 60;
			system.proxy.trouble = ({ method }) => {
				if (method !== "GET" && system.proxy.writes.length > writes)
					child.kill("SIGKILL");
				return "none";
			};
			const [code, signal] = await once(child, "exit");
			assert.equal(signal, "SIGKILL", `ended with ${code}`);
		}
		system.proxy.trouble = () => "none";
		// The server notices a dead client only when its backend does.
		await released(system.target.url);
		const { conflicts } = await move();
		assert.deepEqual(conflicts, []);
		await allThere();
		await nothingLeft();
	});

	it("wait for as long as a 429 asks, all of them", async () => {
		await start(80);
		let throttledAt = 0;
		system.proxy.retryAfter = () =>
			// HTTP dates have whole seconds: at least one, at most two.
			new Date(Date.now() + 2000).toUTCString();
		system.proxy.trouble = ({ at }, request) => {
			if (request !== 40) return "none";
			throttledAt = at;
			return "throttle";
		};
		await move();
		const after = system.proxy.seen
			.slice(40)
			.map(({ at }) => at - throttledAt)
			// Those under way when the answer came.
			.filter((wait) => wait > 200);
		assert.ok(Math.min(...after) > 900, `${Math.min(...after)} ms`);
		await allThere();
	});

	it("are not held up by one at whom the service always fails", async () => {
		await start(100);
		system.proxy.trouble = ({ body }) =>
			body.includes('"user77@example.com"') ? "refuse" : "none";
		const { conflicts, moved } = await move(1);
		assert.equal(moved, count - 1);
		assert.match(conflicts[0]?.reason ?? "", /fails at this user each time/);
	});
});

/** Waits until no killed run holds the user map any longer. */
async function released(url: string): Promise<void> {
	await using(url, async (client) => {
		await client.query(
			"SELECT pg_advisory_lock(hashtextextended('cutover.user_map', 0))",
		);
	});
}
