import { createServer } from "node:net";
import { SetupError } from "./errors.mjs";
import { SETUP_LABEL } from "./images.mjs";

export const REGISTRY = "cutover-registry";
const IMAGE = "registry:2.8.2";
/** Port of the registry in its container, and the first one tried on this host. */
const PORT = 5000;
const TRIES = 20;
/** What the registry's manifests are asked for as. */
const MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

/**
 * Runs the registry that the Droplets' engines use as their mirror of Docker
 * Hub, on the loopback of this host.
 * @param {import("./docker.mjs").Docker} docker
 * @returns {Promise<string>} its address, for instance 127.0.0.1:5000
 */
export async function startRegistry(docker) {
	const wanted = await docker.image(IMAGE);
	const found = await docker.attempt([
		"inspect",
		REGISTRY,
		"--format",
		"{{.Image}}",
	]);
	if (found?.trim() === wanted?.id) {
		await docker.attempt(["start", REGISTRY]);
		const address = await published(docker);
		if (address) return address;
	}
	await docker.attempt(["rm", "--force", REGISTRY]);
	await docker.run(["volume", "create", "--label", SETUP_LABEL, REGISTRY]);
	const taken = [];
	for (let port = PORT; port < PORT + TRIES; port++) {
		if (!(await isFree(port))) {
			taken.push(port);
			continue;
		}
		const address = `127.0.0.1:${port}`;
		await docker.run([
			"run",
			"--detach",
			...["--name", REGISTRY, "--label", SETUP_LABEL],
			...["--publish", `${address}:${PORT}`],
			...["--volume", `${REGISTRY}:/var/lib/registry`],
			IMAGE,
		]);
		return address;
	}
	throw new SetupError({
		expected: `a free port from ${PORT} to ${PORT + TRIES - 1} for the registry of images`,
		found: `all taken: ${taken.join(" ")}`,
		fix: "end what listens on one of them (ss -ltnp)",
	});
}

/** Stops it; its images stay in its volume. @param {import("./docker.mjs").Docker} docker */
export async function stopRegistry(docker) {
	await docker.attempt(["stop", "--time", "5", REGISTRY]);
}

/**
 * Pushes an image under the name that the mirror is asked for. Does nothing when
 * the registry has this very image.
 * @param {import("./docker.mjs").Docker} docker
 * @param {string} address
 * @param {string} name as on Docker Hub, for instance caddy:2.11.9
 * @returns {Promise<boolean>} whether it had to
 */
export async function push(docker, address, name) {
	const path = hubPath(name);
	const image = await docker.image(name);
	if (await has(address, path, image?.id)) return false;
	const target = `${address}/${path}`;
	await docker.run(["tag", name, target]);
	await docker.run(["push", "--quiet", target]);
	await docker.run(["rmi", "--no-prune", target]);
	return true;
}

/** Docker Hub keeps images without an owner under library/. @param {string} name */
export function hubPath(name) {
	return name.includes("/") ? name : `library/${name}`;
}

async function has(address, path, id) {
	const [repository, tag] = path.split(":");
	const url = `http://${address}/v2/${repository}/manifests/${tag}`;
	try {
		const answer = await fetch(url, {
			headers: { accept: MANIFEST },
			signal: AbortSignal.timeout(2000),
		});
		const manifest = await answer.json();
		const digest = answer.headers.get("docker-content-digest");
		// An image's id is its configuration's digest, with a containerd image store its manifest's.
		return id === manifest.config?.digest || id === digest;
	} catch {
		return false; // Not there, or an engine elsewhere: a push finds out.
	}
}

async function published(docker) {
	const answer = await docker.attempt(["port", REGISTRY, `${PORT}/tcp`]);
	return answer?.trim().split("\n")[0] || undefined;
}

function isFree(port) {
	return new Promise((resolve) => {
		const server = createServer();
		server.once("error", () => resolve(false));
		server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
	});
}
