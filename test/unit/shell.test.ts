import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { shellQuote } from "../../cutover/shell";
import { versionOf } from "../../infra/services/backend";

describe("shellQuote", () => {
	for (const word of [
		...["plain", "with space", "it's", "$HOME", "`id`", 'a"b', "", "a\nb"],
		...["*", "a;b", "--flag=x y", "\\"],
	]) {
		it(`keeps ${JSON.stringify(word)} one word`, () => {
			const seen = execFileSync("/bin/sh", [
				"-c",
				`printf '%s|' ${shellQuote(word)}`,
			]);
			assert.equal(seen.toString(), `${word}|`);
		});
	}
});

describe("versionOf", () => {
	it("is the tag, also beside a registry's port or a digest", () => {
		assert.equal(versionOf("example/backend:1.2.3"), "1.2.3");
		assert.equal(versionOf("host:5000/example/backend:1.2.3"), "1.2.3");
		assert.equal(
			versionOf(`example/backend:1.2.3@sha256:${"0".repeat(64)}`),
			"1.2.3",
		);
	});
});
