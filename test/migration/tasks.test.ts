import assert from "node:assert/strict";
import { inRange, splitBlocks } from "../../migration/copy/chunks";
import { runTasks, type Task } from "../../migration/copy/tasks";

describe("tasks over lanes", () => {
	const order: string[] = [];
	const task = (
		name: string,
		rank: number,
		after: readonly Task<number>[] = [],
		run = async () => {
			await new Promise(setImmediate);
		},
	): Task<number> => ({
		name,
		rank,
		after,
		run: async () => {
			order.push(name);
			await run();
		},
	});
	beforeEach(() => {
		order.length = 0;
	});

	it("go by rank, each after what it waits for", async () => {
		const copy = task("copy", 1);
		const large = task("copy large", 9);
		await runTasks(
			[task("index", 8, [copy]), copy, task("key", 7, [large]), large],
			[1],
		);
		assert.deepEqual(order, ["copy large", "key", "copy", "index"]);
	});

	it("run beside each other, as many as there are lanes", async () => {
		let open = 0;
		let widest = 0;
		const work = async () => {
			widest = Math.max(widest, ++open);
			await new Promise(setImmediate);
			open--;
		};
		await runTasks(
			Array.from({ length: 20 }, (_, index) => task(`${index}`, 1, [], work)),
			[1, 2, 3],
		);
		assert.equal(widest, 3);
		assert.equal(order.length, 20);
	});

	it("end with the first failure, once those under way have ended", async () => {
		let ended = false;
		await assert.rejects(
			runTasks(
				[
					task("slow", 3, [], async () => {
						for (let turn = 0; turn < 20; turn++)
							await new Promise(setImmediate);
						ended = true;
					}),
					task("bad", 2, [], async () => {
						throw new Error("first");
					}),
					task("never", 1),
				],
				[1, 2],
			),
			/first/,
		);
		assert.ok(ended);
		assert.ok(!order.includes("never"));
	});

	it("that wait for something which never runs are an error, not a wait", async () => {
		const elsewhere = task("elsewhere", 1);
		await assert.rejects(
			runTasks([task("waiting", 1, [elsewhere])], [1, 2]),
			/wait for each other: waiting/,
		);
	});
});

describe("a table in parts", () => {
	it("is one where it is small, has no blocks, or is partitioned", () => {
		for (const table of [
			{ bytes: 0, blocks: 0 },
			{ bytes: 10_000_000, blocks: 1220 },
			{ bytes: 900_000_000, blocks: 0 },
		])
			assert.deepEqual(splitBlocks(table, 4), [{ from: 0, to: null }]);
	});

	it("covers every block once and stays open at its end", () => {
		for (const jobs of [1, 2, 8])
			for (const bytes of [33e6, 700e6, 5e9, 1e12]) {
				const blocks = Math.ceil(bytes / 8192);
				const parts = splitBlocks({ bytes, blocks }, jobs);
				assert.ok(parts.length > 1);
				assert.equal(parts[0]?.from, 0);
				assert.equal(parts.at(-1)?.to, null);
				for (const [index, part] of parts.slice(1).entries())
					assert.equal(part.from, parts[index]?.to);
				for (const { from, to } of parts)
					assert.ok(((to ?? blocks) - from) * 8192 <= 600e6);
			}
	});

	it("is named to the server by its blocks", () => {
		assert.equal(inRange({ from: 0, to: null }), undefined);
		assert.equal(inRange({ from: 0, to: 5 }), "t.ctid < '(5,0)'::tid");
		assert.equal(
			inRange({ from: 5, to: 9 }),
			"t.ctid >= '(5,0)'::tid AND t.ctid < '(9,0)'::tid",
		);
	});
});
