import { execFile } from "node:child_process";
import { lookup } from "node:dns/promises";
import { readdirSync, readFileSync } from "node:fs";
import { promisify } from "node:util";

const APT = "/etc/apt";

/**
 * The IPv4 addresses that this machine gets its packages from. A documentation
 * block is free on the Internet, but a machine behind a proxy of its own may
 * well reach the world through an address in one: a network laid over that
 * block would cut the machine off.
 */
export async function reachedAddresses(): Promise<string[]> {
	const urls = [...aptSources(), ...(await npmRegistry())];
	const hosts = new Set(urls.map((url) => new URL(url).hostname));
	const found = await Promise.all(
		[...hosts].map((host) =>
			lookup(host, { all: true, family: 4 }).catch(() => []),
		),
	);
	return [...new Set(found.flat().map(({ address }) => address))];
}

/** The mirrors of sources.list and of the newer deb822 files. */
function aptSources(): string[] {
	try {
		return readdirSync(APT, { recursive: true, encoding: "utf8" })
			.filter((name) => /sources\.list$|\.list$|\.sources$/.test(name))
			.map((name) => readFileSync(`${APT}/${name}`, "utf8"))
			.flatMap((text) => text.match(/^(?:deb|URIs:)\s.*$/gm) ?? [])
			.flatMap((line) => line.match(/https?:\/\/[^\s\]]+/g) ?? []);
	} catch {
		return []; // Not a Debian or an Ubuntu.
	}
}

async function npmRegistry(): Promise<string[]> {
	try {
		const run = promisify(execFile);
		const { stdout } = await run("npm", ["config", "get", "registry"]);
		return [stdout.trim()];
	} catch {
		return []; // Node without npm.
	}
}
