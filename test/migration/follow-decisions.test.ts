import assert from "node:assert/strict";
import { describeFailure } from "../../migration/follow/failure";
import { metricsText } from "../../migration/follow/metrics";
import { withoutAction } from "../../migration/follow/suspend";
import { compareShapes, type Shape } from "../../migration/journal/shape";

describe("a foreign key while its tables are followed", () => {
	for (const [definition, expected] of [
		[
			"FOREIGN KEY (a) REFERENCES t(id) ON DELETE CASCADE",
			"FOREIGN KEY (a) REFERENCES t(id)",
		],
		[
			"FOREIGN KEY (a, b) REFERENCES t(x, y) MATCH FULL ON UPDATE CASCADE ON DELETE SET NULL (b) DEFERRABLE",
			"FOREIGN KEY (a, b) REFERENCES t(x, y) MATCH FULL ON UPDATE CASCADE",
		],
		[
			'FOREIGN KEY (a) REFERENCES "s"."T ON DELETE CASCADE"(id) ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED NOT VALID',
			'FOREIGN KEY (a) REFERENCES "s"."T ON DELETE CASCADE"(id)',
		],
		[
			"FOREIGN KEY (a) REFERENCES t(id) ON UPDATE SET DEFAULT",
			"FOREIGN KEY (a) REFERENCES t(id) ON UPDATE SET DEFAULT",
		],
	] as const)
		it(`acts on no row: ${definition}`, () => {
			assert.equal(
				withoutAction(definition),
				`${expected} DEFERRABLE INITIALLY DEFERRED`,
			);
		});
});

describe("metrics of a sync", () => {
	it("leave out what is not known, and say so", () => {
		const text = metricsText({
			totals: {
				cycles: 3,
				entries: 5,
				deleted: 2,
				written: 4,
				bytes: 10,
				reconnects: 1,
				lastCycleAt: 1_700_000_000_500,
				snapshotAt: null,
				whole: new Map(),
			},
			lag: null,
			copiedBytes: 99,
			direction: "back",
		});
		assert.doesNotMatch(text, /lag_rows/);
		assert.match(text, /^cutover_sync_up\{direction="back"\} 0$/m);
		assert.match(
			text,
			/^cutover_sync_rows_applied_total\{direction="back"\} 6$/m,
		);
		assert.match(
			text,
			/^cutover_sync_last_cycle_timestamp_seconds\{direction="back"\} 1700000000.5$/m,
		);
		for (const line of text.trim().split("\n"))
			assert.match(
				line,
				/^(# (HELP|TYPE) cutover_sync_\w+ .+|cutover_sync_\w+\{direction="back"\} [\d.]+)$/,
			);
	});
});

describe("what the other side says of rows", () => {
	it("is told without the rows' values", () => {
		const told = describeFailure(
			Object.assign(
				new Error('duplicate key value violates unique constraint "u"'),
				{
					code: "23505",
					schema: "public",
					table: "people",
					constraint: "u",
					detail: "Key (email)=(ada@example.org) already exists.",
				},
			),
		) as Error;
		assert.match(told.message, /table public.people, constraint u/);
		assert.doesNotMatch(told.message, /ada@/);
	});

	it("is left as it is where it is about something else", () => {
		const error = Object.assign(new Error("out of disk"), { code: "53100" });
		assert.equal(describeFailure(error), error);
	});
});

describe("a table's shape", () => {
	const trigger = { version: "1", always: true };
	const member = {
		name: "public.t",
		schema: "public",
		table: "t",
		root: true,
		file: "10",
		attributes: "x",
		rowTrigger: trigger,
		truncateTrigger: trigger,
	};
	const shape: Shape = {
		name: "public.t",
		columns: { id: "integer NOT NULL" },
		enums: {},
		keyHolds: true,
		members: { "1": member },
	};

	it("may move to another file, or have another default, but not both at once", () => {
		const compare = (changes: Partial<typeof member>) =>
			compareShapes(shape, {
				...shape,
				members: { "1": { ...member, ...changes } },
			});
		assert.deepEqual(compare({ file: "11" }), {
			breaking: [],
			attached: [],
			drifted: true,
		});
		assert.equal(compare({ attributes: "y" }).drifted, true);
		assert.deepEqual(compare({ file: "11", attributes: "y" }).breaking, [
			"ALTER TABLE wrote all rows of public.t anew",
		]);
	});

	it("may get partitions, but not lose them", () => {
		const partition = { ...member, name: "public.p", table: "p", root: false };
		const more = { ...shape, members: { ...shape.members, "2": partition } };
		assert.deepEqual(
			compareShapes(shape, more).attached.map(({ name }) => name),
			["public.p"],
		);
		assert.deepEqual(compareShapes(more, shape).breaking, [
			"partition public.p was detached or dropped",
		]);
	});
});
