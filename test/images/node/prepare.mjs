import { cpSync } from "node:fs";
import { join } from "node:path";
import { SetupError } from "../../setup/errors.mjs";
import { run } from "../../setup/exec.mjs";

/** The release that the official image of Node 20 carries. */
const NPM = "npm@10.8.2";

/** Another Node on this machine makes another image. */
export function fingerprint() {
	return `${process.version} ${process.arch} ${NPM}`;
}

/** Lays this machine's Node and npm into the context. */
export async function prepare({ context, log }) {
	if (!process.version.startsWith("v20.") || process.platform !== "linux")
		throw new SetupError({
			expected:
				"Docker Hub, or Node 20 on Linux to make node:20-bookworm-slim of it",
			found: `Node ${process.version} on ${process.platform}`,
			fix: "let the engine reach Docker Hub (docker pull node:20-bookworm-slim), or run with Node 20",
		});
	cpSync(process.execPath, join(context, "node"), { dereference: true });
	const prefix = join(context, "prefix");
	await run("npm", ["install", "--global", "--prefix", prefix, NPM], { log });
	cpSync(join(prefix, "lib/node_modules/npm"), join(context, "npm"), {
		recursive: true,
	});
	return process.version;
}
