import assert from "node:assert/strict";
import {
	chmodSync,
	mkdirSync,
	mkdtempSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Plain JavaScript without declarations: set-up runs before TypeScript can.
const {
	contentHash,
	readImages,
	sortByNeeds,
	sourcesOf,
} = require("../setup/images.mjs");
const { hubPath } = require("../setup/registry.mjs");

describe("images of set-up", () => {
	it("finds what a Dockerfile is built from, not its own stages", () => {
		const dockerfile = [
			"FROM --platform=linux/amd64 node:20-bookworm-slim AS build",
			"COPY package.json ./",
			"FROM build",
			"COPY --from=build /app /app",
			"COPY --chown=1:1 --from=caddy:2.11.9 /usr/bin/caddy /usr/bin/caddy",
			"COPY --from=0 /a /b",
		].join("\n");
		assert.deepEqual(sourcesOf(dockerfile), [
			"node:20-bookworm-slim",
			"caddy:2.11.9",
		]);
	});

	it("builds every image after the ones it needs", () => {
		const names = sortByNeeds([
			{ name: "app:1", needs: ["node:20"] },
			{ name: "node:20", needs: ["debian:12", "elsewhere:1"] },
			{ name: "debian:12", needs: [] },
		]).map(({ name }: { name: string }) => name);
		assert.deepEqual(names, ["debian:12", "node:20", "app:1"]);
	});

	it("refuses images that need each other", () => {
		assert.throws(
			() =>
				sortByNeeds([
					{ name: "a:1", needs: ["b:1"] },
					{ name: "b:1", needs: ["a:1"] },
				]),
			/built from itself/,
		);
	});

	it("reads the repository's own images, each with all that it needs", () => {
		const images: { name: string; needs: string[] }[] = readImages(
			join(__dirname, "../.."),
		);
		const names = images.map(({ name }) => name);
		for (const wanted of ["debian:bookworm-slim", "node:20-bookworm-slim"])
			assert.ok(names.includes(wanted), wanted);
		for (const { name, needs } of images)
			for (const needed of needs)
				assert.ok(
					names.indexOf(needed) >= 0 &&
						names.indexOf(needed) < names.indexOf(name),
					`${name} needs ${needed}`,
				);
	});

	it("asks the mirror for unowned images under library/", () => {
		assert.equal(hubPath("caddy:2.11.9"), "library/caddy:2.11.9");
		assert.equal(hubPath("prom/prometheus:v2.42.0"), "prom/prometheus:v2.42.0");
	});

	describe("content hash", () => {
		let root: string;
		const hash = (extra: unknown[] = []) =>
			contentHash(root, { folder: "image", context: ["shared"] }, extra);

		beforeEach(() => {
			root = mkdtempSync(join(tmpdir(), "setup-images-"));
			mkdirSync(join(root, "image"));
			mkdirSync(join(root, "shared/node_modules"), { recursive: true });
			writeFileSync(join(root, "image/Dockerfile"), "FROM scratch\n");
			writeFileSync(join(root, "shared/start"), "echo start\n");
		});
		afterEach(() => rmSync(root, { recursive: true }));

		it("stays while nothing that goes in changes", () => {
			const before = hash();
			writeFileSync(join(root, "elsewhere"), "not in the context\n");
			writeFileSync(join(root, "shared/node_modules/left-out"), "either\n");
			assert.equal(hash(), before);
		});

		it("changes with contents, names, modes and base images", () => {
			const seen = new Set([hash(), hash(["sha256:another base"])]);
			chmodSync(join(root, "shared/start"), 0o755);
			seen.add(hash());
			writeFileSync(join(root, "shared/start"), "echo other\n");
			seen.add(hash());
			writeFileSync(join(root, "image/new"), "");
			seen.add(hash());
			assert.equal(seen.size, 5);
		});
	});
});
