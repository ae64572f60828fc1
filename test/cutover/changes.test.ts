import assert from "node:assert/strict";
import { changesOf } from "../rehearsal/pulumi";

describe("the engine's summary of an update", () => {
	it("is read by operation", () => {
		const output = [
			"Outputs:",
			"    domain: a",
			"",
			"Resources:",
			"    + 12 created",
			"    ~ 1 updated",
			"    +-2 replaced",
			"    15 changes. 5 unchanged",
			"",
			"Duration: 4s",
		].join("\n");
		assert.deepEqual(changesOf(output), {
			created: 12,
			updated: 1,
			replaced: 2,
			unchanged: 5,
		});
	});

	it("of an update without changes names only what stayed", () => {
		assert.deepEqual(
			changesOf("Resources:\n    31 unchanged\n\nDuration: 2s\n"),
			{ unchanged: 31 },
		);
	});

	it("of a preview is read alike", () => {
		assert.deepEqual(changesOf("Resources:\n    + 31 to create\n"), {
			create: 31,
		});
	});
});
