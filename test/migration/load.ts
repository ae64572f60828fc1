import { setTimeout as pause } from "node:timers/promises";
import { Client } from "pg";

/** Tables that the load writes to; both sides may start from it. */
export const LOAD_SCHEMA = `
	CREATE TYPE mood AS ENUM ('sad', 'so-so', 'glad');
	CREATE TABLE accounts (
		id uuid PRIMARY KEY, name text NOT NULL UNIQUE, balance numeric(12,2),
		mood mood, moods mood[], tags text[], document jsonb
	);
	CREATE TABLE entries (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
		above bigint REFERENCES entries ON DELETE SET NULL,
		amount numeric, at timestamptz NOT NULL DEFAULT clock_timestamp(),
		doubled numeric GENERATED ALWAYS AS (amount * 2) STORED
	);
	CREATE INDEX entries_account ON entries (account_id, at);
	CREATE TABLE slots (kind text, at timestamptz, number integer, note text, PRIMARY KEY (kind, at));
	CREATE TABLE small (id integer PRIMARY KEY, note text);
	CREATE TABLE keyless (a text, b jsonb);
	CREATE TABLE readings (
		id bigint PRIMARY KEY, unit integer NOT NULL, at timestamptz NOT NULL, value numeric, payload jsonb
	);
	CREATE INDEX readings_unit ON readings (unit, at);
	CREATE UNIQUE INDEX readings_at ON readings (at, id);
`;

/** Rows to begin with: `readings` of them large enough to be copied in parts. */
export function loadRows(readings: number): string {
	return `
	INSERT INTO accounts SELECT gen_random_uuid(), 'account ' || n, n, 'sad', '{sad,NULL}', '{a,b}', '{"n": 1.0}'
	FROM generate_series(1, 200) n;
	INSERT INTO entries (account_id, amount) SELECT a.id, n FROM accounts a, generate_series(1, 5) n;
	INSERT INTO slots SELECT 'kind ' || n % 5, '2026-01-01'::timestamptz + n * interval '1.5 s', n, NULL
	FROM generate_series(1, 100) n;
	INSERT INTO keyless SELECT 'row ' || n % 20, to_jsonb(n % 3) FROM generate_series(1, 50) n;
	INSERT INTO readings
	SELECT n, n % 50, '2026-01-01'::timestamptz + n * interval '1 second', n / 100.0,
		jsonb_build_object('n', n, 'pad', repeat('x', 100))
	FROM generate_series(1, ${readings}) n;
	`;
}

/** A seeded source of chance (mulberry32), so that a failing run can be repeated. */
export function random(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}

/** SQLSTATEs that writers get when they meet each other, or the barrier. */
const EXPECTED = ["40P01", "23503", "23505", "25006", "40001"];

const WORKERS = 3;
const TICK_MS = 25;

/** Writes to a database at a steady rate, of every kind that a follower could get wrong. */
export class Load {
	/** Statements that wrote, committed or not. */
	writes = 0;
	private readonly stopping = new AbortController();
	private readonly workers: Promise<void>[] = [];
	private serial = 0;
	failure: Error | undefined;

	constructor(
		private readonly url: string,
		private readonly chance: () => number,
		/** Statements a second, over all workers. */
		private readonly rate = 200,
	) {}

	start(): this {
		for (let worker = 0; worker < WORKERS; worker++)
			this.workers.push(this.work(worker));
		this.workers.push(this.longTransactions());
		return this;
	}

	/** Ends all writers; throws what one of them did not expect. */
	async stop(): Promise<void> {
		this.stopping.abort();
		await Promise.all(this.workers);
		if (this.failure) throw this.failure;
	}

	private async work(worker: number): Promise<void> {
		const perTick = (this.rate * TICK_MS) / 1000 / WORKERS;
		const begun = performance.now();
		let done = 0;
		await this.withClient(async (client) => {
			while (!this.stopping.signal.aborted) {
				const due = ((performance.now() - begun) / TICK_MS) * perTick;
				if (done >= due) {
					await this.sleep(TICK_MS);
					continue;
				}
				done += await this.write(client, worker);
			}
		});
	}

	/** Transactions that write early and commit late. */
	private async longTransactions(): Promise<void> {
		await this.withClient(async (client) => {
			while (!this.stopping.signal.aborted) {
				const name = `late ${++this.serial}`;
				await this.run(client, [
					"BEGIN",
					`INSERT INTO accounts (id, name) VALUES (gen_random_uuid(), '${name}')`,
					`UPDATE readings SET value = -1 WHERE id = ${this.pick(1000)}`,
				]);
				await this.sleep(200 + this.pick(1500));
				await this.run(client, [
					`INSERT INTO entries (account_id, amount) SELECT id, 1 FROM accounts WHERE name = '${name}'`,
					this.chance() < 0.8 ? "COMMIT" : "ROLLBACK",
				]);
			}
		});
	}

	/** One transaction; gives its number of statements. */
	private async write(client: Client, worker: number): Promise<number> {
		const account =
			"(SELECT id FROM accounts ORDER BY md5(id::text || clock_timestamp()::text) LIMIT 1)";
		const n = ++this.serial;
		const kinds: (() => string[])[] = [
			() => [
				"BEGIN",
				`INSERT INTO accounts VALUES ('${uuid(this.chance)}', 'new ${worker} ${n}', ${n}, 'glad', '{glad,so-so}', '{}', '{"a": [1, null]}')`,
				`INSERT INTO entries (account_id, amount) SELECT id, ${n} FROM accounts WHERE name = 'new ${worker} ${n}'`,
				`INSERT INTO entries (account_id, above, amount) SELECT account_id, id, 0 FROM entries ORDER BY id DESC LIMIT 2`,
				"COMMIT",
			],
			() => [
				`UPDATE entries SET amount = ${n} WHERE id = ${this.pick(1500)}`,
				`UPDATE accounts SET balance = ${n}, moods = moods || '{so-so}'::mood[], document = '{"n": ${n}}' WHERE id = ${account}`,
			],
			() => [`DELETE FROM accounts WHERE id = ${account}`],
			// Two rows change their unique values with each other.
			() => [
				"BEGIN",
				`UPDATE accounts SET name = 'swap ${worker}' WHERE name = 'account ${(n % 200) + 1}'`,
				`UPDATE accounts SET name = 'account ${(n % 200) + 1}' WHERE name = 'account ${((n + 1) % 200) + 1}'`,
				`UPDATE accounts SET name = 'account ${((n + 1) % 200) + 1}' WHERE name = 'swap ${worker}'`,
				"COMMIT",
			],
			// Keys change.
			() => [
				`UPDATE slots SET at = at + interval '0.000001 s' WHERE number = ${this.pick(100)}`,
				`INSERT INTO slots VALUES ('kind ${worker}', clock_timestamp(), ${n}, 'new')`,
				`DELETE FROM slots WHERE number = ${n - 50}`,
			],
			() =>
				n % 10 === 0
					? ["TRUNCATE small"]
					: [
							`INSERT INTO small VALUES (${this.pick(500)}, '${n}') ON CONFLICT (id) DO UPDATE SET note = excluded.note`,
						],
			() => [
				`INSERT INTO keyless VALUES ('row ${n % 20}', '${n}')`,
				`DELETE FROM keyless WHERE ctid = (SELECT min(ctid) FROM keyless)`,
			],
			() => [
				"BEGIN",
				`INSERT INTO small VALUES (${1000 + n}, 'kept')`,
				"SAVEPOINT s",
				`UPDATE small SET note = 'never' WHERE id < 100`,
				`DELETE FROM entries WHERE id = ${this.pick(500)}`,
				"ROLLBACK TO s",
				"COMMIT",
			],
			...Array.from({ length: 4 }, () => () => [
				`INSERT INTO readings VALUES (${10_000_000 + n * WORKERS + worker}, ${n % 50}, clock_timestamp(), ${n}, '{}')`,
				`UPDATE readings SET value = ${n}, payload = '{"changed": ${n}}' WHERE id = ${this.pick(20_000)}`,
				`DELETE FROM readings WHERE id = ${this.pick(20_000)}`,
			]),
		];
		const statements = kinds[this.pick(kinds.length) - 1]?.() ?? [];
		await this.run(client, statements);
		return statements.filter((sql) =>
			/^(INSERT|UPDATE|DELETE|TRUNCATE)/.test(sql),
		).length;
	}

	private async run(
		client: Client,
		statements: readonly string[],
	): Promise<void> {
		try {
			for (const sql of statements) {
				await client.query(sql);
				if (/^(INSERT|UPDATE|DELETE|TRUNCATE)/.test(sql)) this.writes++;
			}
		} catch (error) {
			const { code } = error as { code?: string };
			if (!code || !EXPECTED.includes(code)) throw error;
			await client.query("ROLLBACK");
		}
	}

	/** Goes on over lost connections, as an application's pool does. */
	private async withClient(
		work: (client: Client) => Promise<void>,
	): Promise<void> {
		while (!this.stopping.signal.aborted) {
			const client = new Client({ connectionString: this.url });
			client.on("error", () => {});
			try {
				await client.connect();
				await work(client);
			} catch (error) {
				const { code, message } = error as Error & { code?: string };
				if (
					!/^(57P0|ECONN|EPIPE|08)/.test(code ?? "") &&
					!/onnection/.test(message)
				) {
					this.failure ??= error as Error;
					return;
				}
				await this.sleep(50);
			} finally {
				await client.end().catch(() => {});
			}
		}
	}

	private sleep(ms: number): Promise<unknown> {
		return pause(ms, undefined, { signal: this.stopping.signal }).catch(
			() => {},
		);
	}

	/** A whole number from 1 to `most`. */
	private pick(most: number): number {
		return 1 + Math.floor(this.chance() * most);
	}
}

function uuid(chance: () => number): string {
	const hex = Array.from({ length: 32 }, () =>
		Math.floor(chance() * 16).toString(16),
	).join("");
	return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
