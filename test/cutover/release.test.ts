import assert from "node:assert/strict";
import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { releaseOf } from "../../cutover/release";
import { createWorkspace } from "../rehearsal/workspace";

const checkout = join(__dirname, "../..");
const parts = { images: { backend: "b:1", caddy: "c:2" }, mapping: "product" };

describe("the release", () => {
	let folder: string;
	beforeEach(async () => {
		folder = await mkdtemp(join(tmpdir(), "release-"));
	});
	afterEach(() => rm(folder, { recursive: true }));

	/** A copy of the program without anything that links would hide. */
	async function copy(): Promise<string> {
		const to = join(folder, "copy");
		for (const name of [
			...["index.ts", "package-lock.json", "caddy", "cutover"],
			...["infra", "migration", "observability"],
		])
			await cp(join(checkout, name), join(to, name), {
				recursive: true,
				filter: (path) => !path.includes("node_modules"),
			});
		return to;
	}

	it("is the same in a rehearsal's folder of links as in the checkout, and without git", async () => {
		const workspace = join(folder, "program");
		await createWorkspace(checkout, workspace);
		const here = releaseOf(parts, checkout);
		assert.match(here, /^[0-9a-f]{12}$/);
		assert.equal(releaseOf(parts, workspace), here);
		assert.equal(releaseOf(parts, await copy()), here);
	});

	it("is another when a file of the program changes, comes or moves", async () => {
		const at = await copy();
		const before = releaseOf(parts, at);
		await writeFile(join(at, "infra", "more.ts"), "");
		const more = releaseOf(parts, at);
		assert.notEqual(more, before);
		await writeFile(join(at, "infra", "more.ts"), "1");
		assert.notEqual(releaseOf(parts, at), more);
		await rm(join(at, "infra", "more.ts"));
		assert.equal(releaseOf(parts, at), before);
	});

	it("does not go by configuration, evidence, pages or what npm installs", async () => {
		const at = await copy();
		const before = releaseOf(parts, at);
		await writeFile(join(at, "Pulumi.staging.yaml"), "config: {}");
		await writeFile(join(at, "migration", "README.md"), "another page");
		await symlink(checkout, join(at, "evidence"));
		await cp(join(checkout, "caddy"), join(at, "migration/node_modules/x"), {
			recursive: true,
		});
		assert.equal(releaseOf(parts, at), before);
	});

	it("is another with other images or another mapping, in whatever order they are named", () => {
		const of = (changed: object) =>
			releaseOf({ ...parts, ...changed }, checkout);
		assert.notEqual(of({ mapping: undefined }), of({}));
		assert.notEqual(
			of({ images: { ...parts.images, backend: "b:2" } }),
			of({}),
		);
		assert.equal(of({ images: { caddy: "c:2", backend: "b:1" } }), of({}));
	});
});
