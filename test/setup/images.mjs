import { createHash } from "node:crypto";
import {
	cpSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
} from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { CommandError, SetupError } from "./errors.mjs";

/** The label that says from what an image was built; equal hash, no rebuild. */
export const HASH_LABEL = "cutover.hash";
/** Marks what set-up made, for clean. */
export const SETUP_LABEL = "cutover.setup=1";
/** Folders with images outside test/images. */
const ELSEWHERE = ["test/backend", "test/frontend", "migration"];
/** Docker Hub answers within this time or counts as out of reach. */
const PULL_ANSWER_MS = 10_000;
const PULL_MS = 600_000;
/** Never part of a context, unless it names them itself. */
const IGNORED = new Set(["node_modules", ".git"]);

/**
 * @typedef {object} Image
 * @property {string} name as on Docker Hub, with its tag
 * @property {string} folder of its Dockerfile, relative to the repository
 * @property {boolean} official whether Docker Hub has it: tried first
 * @property {"built" | "stand-in"} source what it is when it is made here
 * @property {boolean} registry whether Droplets pull it, so that it is pushed
 * @property {string[] | undefined} context what the build sees, in the repository's
 *   layout; without it the build sees the Dockerfile's folder alone
 * @property {string[]} needs names of the images it is built from
 */

/**
 * Reads every image.json beside a Dockerfile and sorts the images so that each
 * comes after the ones that it is built from.
 * @param {string} root of the repository
 * @returns {Image[]}
 */
export function readImages(root) {
	const folders = readdirSync(join(root, "test/images"))
		.map((name) => join("test/images", name))
		.concat(ELSEWHERE)
		.filter((folder) => existsSync(join(root, folder, "image.json")));
	const images = folders.map((folder) => {
		const file = join(folder, "image.json");
		const given = JSON.parse(readFileSync(join(root, file), "utf8"));
		if (!given.name?.includes(":"))
			throw new Error(`${file}: name must be NAME:TAG, found ${given.name}`);
		const dockerfile = readFileSync(join(root, folder, "Dockerfile"), "utf8");
		return {
			official: false,
			source: "built",
			registry: false,
			...given,
			folder,
			needs: sourcesOf(dockerfile),
		};
	});
	return sortByNeeds(images);
}

/**
 * The images that a Dockerfile is built from: every FROM and COPY --from that
 * names an image and not an earlier stage.
 * @param {string} dockerfile
 */
export function sourcesOf(dockerfile) {
	const stages = new Set(["scratch"]);
	const sources = new Set();
	for (const row of dockerfile.split("\n")) {
		const [, from, stage] =
			/^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/i.exec(row) ?? [];
		const [, copied] = /^COPY\s+(?:--\S+\s+)*?--from=(\S+)/i.exec(row) ?? [];
		for (const name of [from, copied])
			if (name && !stages.has(name) && !/^\d+$/.test(name)) sources.add(name);
		if (stage) stages.add(stage);
	}
	return [...sources];
}

/**
 * @param {Image[]} images
 * @returns {Image[]} the same, each after those it needs
 */
export function sortByNeeds(images) {
	const byName = new Map(images.map((image) => [image.name, image]));
	const sorted = new Set();
	const place = (image, path) => {
		if (path.includes(image))
			throw new Error(`${image.name} is built from itself`);
		for (const name of image.needs) {
			const needed = byName.get(name);
			if (needed && !sorted.has(needed)) place(needed, [...path, image]);
		}
		sorted.add(image);
	};
	for (const image of images) if (!sorted.has(image)) place(image, []);
	return [...sorted];
}

/**
 * Makes sure of one image: there already and unchanged, else from Docker Hub,
 * else built here.
 * @param {object} job
 * @param {string} job.root of the repository
 * @param {import("./cache.mjs").Cache} job.cache
 * @param {import("./docker.mjs").Docker} job.docker
 * @param {Image} job.image
 */
export async function ensureImage({ root, cache, docker, image }) {
	const hooks = await prepareHooks(root, image);
	const present = await docker.image(image.name);
	const bases = await Promise.all(
		image.needs.map((name) => docker.image(name)),
	);
	const hash = contentHash(root, image, [
		await hooks.fingerprint?.(),
		// What a base was made of, not which build of it this engine has.
		...bases.map((base) => base?.labels[HASH_LABEL] ?? base?.id),
	]);
	if (image.official && present?.pulled) return described(image, "official");
	if (present?.labels[HASH_LABEL] === hash)
		return described(image, image.source);
	if (image.official) {
		const pulled = await cache.tryOfficial("Docker Hub", () =>
			docker.run(["pull", image.name], {
				firstSignMs: PULL_ANSWER_MS,
				timeoutMs: PULL_MS,
			}),
		);
		if (pulled !== undefined) {
			cache.update((state) => {
				state.pulled = [...(state.pulled ?? []), image.name];
			});
			return described(image, "official", "pulled");
		}
	}
	const version = await build({ root, cache, docker, image, hooks, hash });
	return described(image, image.source, version ?? "made now");
}

function described(image, source, detail = "unchanged") {
	return {
		source,
		detail,
		parts: {
			[`image ${image.name}`]: {
				source,
				detail: source === "official" ? "Docker Hub" : image.detail,
			},
		},
	};
}

async function prepareHooks(root, image) {
	const file = join(root, image.folder, "prepare.mjs");
	return existsSync(file) ? import(pathToFileURL(file).href) : {};
}

/**
 * Builds from a folder that holds just the image's context, in the repository's
 * own layout: nothing else can slip in, and nothing large is sent to the engine.
 */
async function build({ root, cache, docker, image, hooks, hash }) {
	const slug = image.name.replaceAll(/[^\w.-]+/g, "-");
	const staging = cache.path("staging", slug);
	const log = cache.log(`image-${slug}`);
	rmSync(staging, { recursive: true, force: true });
	try {
		for (const path of [image.folder, ...(image.context ?? [])])
			copyContext(root, path, staging);
		const context = join(staging, image.folder);
		const detail = await hooks.prepare?.({ context, cache, docker, log });
		const labels = ["--label", `${HASH_LABEL}=${hash}`, "--label", SETUP_LABEL];
		const dockerfile = join(context, "Dockerfile");
		const seen = image.context ? staging : context;
		await docker.run(
			["build", "--tag", image.name, ...labels, "--file", dockerfile, seen],
			{ log },
		);
		return detail;
	} catch (error) {
		if (!(error instanceof CommandError)) throw error;
		throw new SetupError({
			expected: `to build the image ${image.name}`,
			found: error.message,
			fix: `see ${log}; a machine that reaches Docker Hub${image.official ? "" : ", Debian's packages and npm"} needs none of this`,
		});
	} finally {
		rmSync(staging, { recursive: true, force: true });
	}
}

function copyContext(root, path, staging) {
	const from = join(root, path);
	mkdirSync(dirname(join(staging, path)), { recursive: true });
	cpSync(from, join(staging, path), {
		recursive: true,
		filter: (source) => !relative(from, source).split(sep).some(isIgnored),
	});
}

/**
 * A hash over what an image is made of: its folder, its context (paths,
 * executable or not, contents) and `extra`.
 * @param {string} root of the repository
 * @param {Pick<Image, "folder" | "context">} image
 * @param {unknown[]} [extra]
 */
export function contentHash(root, image, extra = []) {
	const hash = createHash("sha256");
	for (const path of [image.folder, ...(image.context ?? [])].sort())
		for (const file of filesUnder(join(root, path))) {
			const mode = statSync(file).mode & 0o111 ? "x" : "-";
			hash.update(`${relative(root, file)} ${mode}\n`);
			hash.update(readFileSync(file));
		}
	hash.update(JSON.stringify(extra));
	return hash.digest("hex");
}

function filesUnder(path) {
	if (!statSync(path).isDirectory()) return [path];
	return readdirSync(path)
		.filter((name) => !isIgnored(name))
		.sort()
		.flatMap((name) => filesUnder(join(path, name)));
}

function isIgnored(name) {
	return IGNORED.has(name);
}
