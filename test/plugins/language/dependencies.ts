import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export interface Dependency {
	name: string;
	version: string;
}

interface PackageJson {
	dependencies?: Record<string, string>;
	devDependencies?: Record<string, string>;
	version?: string;
}

/**
 * The direct npm dependencies of the program in `directory`, with the versions
 * installed, or as package.json asks for them where they are not.
 */
export function directDependencies(directory: string): Dependency[] {
	const file = nearest(directory);
	if (file === undefined) {
		return [];
	}
	const manifest = read(file);
	const all = { ...manifest.dependencies, ...manifest.devDependencies };
	return Object.entries(all).map(([name, wanted]) => ({
		name,
		version: installed(file, name) ?? wanted,
	}));
}

function read(file: string): PackageJson {
	return JSON.parse(readFileSync(file, "utf8")) as PackageJson;
}

function nearest(directory: string): string | undefined {
	for (let at = directory; ; at = dirname(at)) {
		const file = join(at, "package.json");
		try {
			readFileSync(file);
			return file;
		} catch {
			if (dirname(at) === at) {
				return undefined;
			}
		}
	}
}

/** Looks on disk, not through `exports`, which may hide package.json. */
function installed(from: string, name: string): string | undefined {
	for (const folder of createRequire(from).resolve.paths(name) ?? []) {
		try {
			return read(join(folder, name, "package.json")).version;
		} catch {
			// Not in this node_modules; the next one up may have it.
		}
	}
	return undefined;
}
