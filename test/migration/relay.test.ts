import assert from "node:assert/strict";
import type { Client } from "pg";
import { connect } from "../../migration/connection";
import { relayCopy } from "../../migration/copy/relay";
import { type Database, emptyDatabase, run } from "./databases";

/** Rows from a few bytes to more than a socket takes at once, so that messages are cut anywhere. */
const ROWS = `
	CREATE TABLE sizes AS
	SELECT n, repeat(chr(97 + n % 26), CASE WHEN n % 50 = 0 THEN 200000 ELSE n % 97 END) AS text
	FROM generate_series(1, 5000) n;
`;
const COPY = {
	out: "COPY public.sizes TO STDOUT (FORMAT binary)",
	into: "COPY public.sizes FROM STDIN (FORMAT binary)",
};
const SUM =
	"SELECT count(*)::int AS rows, md5(string_agg(text, '' ORDER BY n)) AS text FROM sizes";

describe("rows from one session into another", () => {
	let source: Database;
	let target: Database;
	let from: Client;
	let to: Client;

	before(async () => {
		source = await emptyDatabase(15);
		target = await emptyDatabase(17);
		await run(source.url, ROWS);
	});
	beforeEach(async () => {
		await run(
			target.url,
			"DROP TABLE IF EXISTS sizes; CREATE TABLE sizes (n int, text text)",
		);
		from = await connect(
			{ label: "source", url: source.url },
			{ readOnly: true },
		);
		to = await connect(
			{ label: "target", url: target.url },
			{ readOnly: false },
		);
	});
	afterEach(async () => {
		await Promise.all([from, to].map((client) => client.end().catch(() => {})));
	});

	/** Both sessions answer afterwards. */
	const usable = async (...clients: Client[]) => {
		for (const client of clients)
			assert.equal((await client.query("SELECT 1 AS one")).rows[0].one, 1);
	};

	it("arrive as they are, and the sessions go on", async () => {
		let seen = 0;
		const { rows, bytes } = await relayCopy(from, to, COPY, (some) => {
			seen += some;
		});
		assert.equal(rows, 5000);
		assert.ok(bytes > 20_000_000);
		assert.equal(seen, bytes);
		await usable(from, to);
		assert.deepEqual(await run(target.url, SUM), await run(source.url, SUM));
	});

	it("come after other statements of the same text", async () => {
		const { rows } = await relayCopy(from, to, {
			out: `BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL work_mem = '1MB'; ${COPY.out}`,
			into: `BEGIN; TRUNCATE public.sizes; ${COPY.into}`,
		});
		assert.equal(rows, 5000);
		await to.query("ROLLBACK");
		assert.equal((await run(target.url, SUM))[0].rows, 0);
	});

	it("of an empty table are none", async () => {
		const { rows } = await relayCopy(from, to, {
			...COPY,
			out: "COPY (SELECT n, text FROM public.sizes WHERE false) TO STDOUT (FORMAT binary)",
		});
		assert.equal(rows, 0);
		await usable(from, to);
	});

	it("are refused by the target with its own words, first of all", async () => {
		await assert.rejects(
			relayCopy(from, to, {
				...COPY,
				into: "COPY public.nowhere FROM STDIN (FORMAT binary)",
			}),
			/nowhere/,
		);
		await usable(from, to);
	});

	it("are refused by the target with its own words, in the middle", async () => {
		await run(target.url, "ALTER TABLE sizes ADD CHECK (n < 4000)");
		// Again and again, as the refusal cuts now one message, now none.
		for (let times = 0; times < 10; times++) {
			const again = await connect(
				{ label: "source", url: source.url },
				{ readOnly: true },
			);
			await assert.rejects(relayCopy(again, to, COPY), /check constraint/);
			await again.end().catch(() => {});
			await usable(to);
		}
		assert.equal((await run(target.url, SUM))[0].rows, 0);
	});

	it("fail in the source's words, first of all and in the middle", async () => {
		await assert.rejects(
			relayCopy(from, to, {
				...COPY,
				out: "COPY public.nowhere TO STDOUT (FORMAT binary)",
			}),
			/nowhere/,
		);
		await usable(from, to);
		await assert.rejects(
			relayCopy(from, to, {
				...COPY,
				out: "COPY (SELECT n / (n - 4000), text FROM public.sizes) TO STDOUT (FORMAT binary)",
			}),
			/division by zero/,
		);
		await usable(from, to);
		assert.equal((await run(target.url, SUM))[0].rows, 0);
	});

	for (const side of ["source", "target"] as const)
		it(`end with an error when the ${side}'s session is cut`, async () => {
			const victim = side === "source" ? from : to;
			const { rows } = await victim.query("SELECT pg_backend_pid() AS pid");
			let cut: Promise<unknown> | undefined;
			const url = side === "source" ? source.superuserUrl : target.superuserUrl;
			await assert.rejects(
				relayCopy(
					from,
					to,
					{
						...COPY,
						out: "COPY (SELECT n, text FROM public.sizes, generate_series(1, 100)) TO STDOUT (FORMAT binary)",
					},
					() => {
						cut ??= run(url, `SELECT pg_terminate_backend(${rows[0].pid})`);
					},
				),
				// The server's own word, or the socket's where a write was under way.
				/terminat|ECONNRESET|EPIPE/i,
			);
			await cut;
			await usable(
				side === "source"
					? to
					: await connect(
							{ label: "target", url: target.url },
							{ readOnly: false },
						),
			);
		});
});
