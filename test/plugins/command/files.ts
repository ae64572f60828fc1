import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Asset } from "../base/values";

/**
 * Files below `directory` that the patterns choose, as assets by their path
 * from there. `*` stays within a folder, `**` does not, `!` takes away again.
 */
export function findAssets(
	directory: string,
	patterns: readonly string[],
): Record<string, Asset> {
	const rules = patterns.map((pattern) => ({
		exclude: pattern.startsWith("!"),
		expression: globToRegExp(pattern.replace(/^!/, "")),
	}));
	const assets: Record<string, Asset> = {};
	for (const path of listFiles(directory)) {
		for (const { exclude, expression } of rules) {
			if (!expression.test(path)) {
				continue;
			}
			if (exclude) {
				delete assets[path];
			} else {
				assets[path] = fileAsset(join(directory, path));
			}
		}
	}
	return assets;
}

/** The same files as one archive. */
export function findArchive(
	directory: string,
	patterns: readonly string[],
): Asset {
	const assets = findAssets(directory, patterns);
	const hash = createHash("sha256");
	for (const [path, asset] of Object.entries(assets)) {
		hash.update(`${path}\0${asset.fields.hash}\0`);
	}
	return new Asset("archive", { assets, hash: hash.digest("hex") });
}

function fileAsset(path: string): Asset {
	const hash = createHash("sha256").update(readFileSync(path)).digest("hex");
	return new Asset("asset", { path, hash });
}

function listFiles(directory: string): string[] {
	return readdirSync(directory, { recursive: true, withFileTypes: true })
		.filter((entry) => !entry.isDirectory())
		.map((entry) => join(entry.parentPath, entry.name))
		.map((path) => path.slice(join(directory, "/").length))
		.sort();
}

function globToRegExp(pattern: string): RegExp {
	const source = pattern.replace(
		/\*\*|\*|\?|\{[^}]*\}|\[[^\]]*\]|[.+^$()|\\{}[\]]/g,
		(token) => {
			switch (token[0]) {
				case "*":
					return token === "**" ? ".*" : "[^/]*";
				case "?":
					return "[^/]";
				case "{":
					return token.length > 1
						? `(?:${token.slice(1, -1).split(",").map(escapeRegExp).join("|")})`
						: "\\{";
				case "[":
					return token.length > 1 ? token.replace("[!", "[^") : "\\[";
				default:
					return `\\${token}`;
			}
		},
	);
	return new RegExp(`^${source}$`);
}

function escapeRegExp(text: string): string {
	return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
