import assert from "node:assert/strict";
import { withDigest } from "../../infra/services/image";

describe("an image by its digest", () => {
	const digest = `sha256:${"a".repeat(64)}`;

	it("keeps name and tag", () => {
		assert.equal(
			withDigest("example/app:1.0.0", `example/app@${digest}`),
			`example/app:1.0.0@${digest}`,
		);
	});

	it("takes the digest of its own repository among several", () => {
		const digests = [
			`other/app@sha256:${"b".repeat(64)}`,
			`registry.example:5000/app@${digest}`,
		].join("\n");
		assert.equal(
			withDigest("registry.example:5000/app:1", digests),
			`registry.example:5000/app:1@${digest}`,
		);
	});

	it("is refused where the engine knows none: the image was never in a registry", () => {
		assert.throws(() => withDigest("example/app:1.0.0", ""), /push the image/);
	});
});
