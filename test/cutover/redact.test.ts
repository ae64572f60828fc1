import assert from "node:assert/strict";
import { redact } from "../../cutover/redact";

describe("what is shown", () => {
	it("has no secret, no password of a URL and none in its escaped form", () => {
		const url = "postgresql://app:p%40ssword-1@db.example:5432/app";
		const shown = redact(
			`could not reach ${url}: p@ssword-1 and p%40ssword-1 refused, key ssk_12345 too`,
			[url, "ssk_12345\n"],
		);
		assert.equal(
			shown,
			"could not reach •••: ••• and ••• refused, key ••• too",
		);
	});

	it("keeps words that a short or empty value would tear", () => {
		assert.equal(redact("rows are equal", ["", "are"]), "rows are equal");
	});
});
