/*
 * Writes the parts of the official package schemas that the stand-ins serve
 * into test/plugins/schema/*.json: property types, required keys, what
 * replaces, what is secret. Descriptions stay out.
 *
 *   node --import tsx test/plugins/schema/extract.ts FOLDER_WITH_OFFICIAL_SCHEMAS
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { served } from "./served";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

const PROSE = new Set([
	"deprecationMessage",
	"description",
	"language",
	"stateInputs",
	"defaultInfo",
	"aliases",
	"isComponent",
]);

function withoutProse(value: Json, inProperties = false): Json {
	if (Array.isArray(value)) {
		return value.map((item) => withoutProse(item));
	}
	if (typeof value !== "object" || value === null) {
		return value;
	}
	return Object.fromEntries(
		Object.entries(value)
			.filter(([key]) => inProperties || !PROSE.has(key))
			.map(([key, item]) => [
				key,
				withoutProse(item, /[pP]roperties$/.test(key) && !inProperties),
			]),
	);
}

/** Adds to `types` every object type that `value` refers to, transitively. */
function collectTypes(value: Json, all: JsonObject, types: JsonObject): void {
	if (Array.isArray(value)) {
		for (const item of value) {
			collectTypes(item, all, types);
		}
		return;
	}
	if (typeof value !== "object" || value === null) {
		return;
	}
	const reference = value.$ref;
	if (typeof reference === "string" && reference.startsWith("#/types/")) {
		const name = decodeURIComponent(reference.slice("#/types/".length));
		const type = all[name];
		if (type !== undefined && !(name in types)) {
			types[name] = withoutProse(type);
			collectTypes(type, all, types);
		}
	}
	for (const item of Object.values(value)) {
		collectTypes(item, all, types);
	}
}

function pick(all: JsonObject, names: readonly string[]): JsonObject {
	return Object.fromEntries(
		names.map((name) => {
			const found = all[name];
			if (found === undefined) {
				throw new Error(`the official schema has no ${name}`);
			}
			return [name, withoutProse(found)];
		}),
	);
}

/**
 * The part of an official package schema that a stand-in serves.
 *
 * @param official the parsed official schema
 * @param names tokens of the resources and functions to keep
 */
export function extract(
	official: JsonObject,
	names: { resources: readonly string[]; functions: readonly string[] },
): JsonObject {
	const resources = pick(official.resources as JsonObject, names.resources);
	const functions = pick(
		(official.functions ?? {}) as JsonObject,
		names.functions,
	);
	const provider = withoutProse(official.provider ?? {});
	const types: JsonObject = {};
	collectTypes(
		[resources, functions, provider],
		(official.types ?? {}) as JsonObject,
		types,
	);
	return { provider, resources, functions, types };
}

/** Writes the extracts and lets the project's formatter lay them out. */
function main(folder: string): void {
	for (const [name, tokens] of Object.entries(served)) {
		const official = JSON.parse(
			readFileSync(join(folder, `${name}.json`), "utf8"),
		) as JsonObject;
		writeFileSync(
			join(__dirname, `${name}.json`),
			`${JSON.stringify(extract(official, tokens))}\n`,
		);
	}
	execFileSync("npx", ["biome", "format", "--write", __dirname], {
		stdio: "inherit",
	});
}

if (require.main === module) {
	const folder = process.argv[2];
	if (folder === undefined) {
		console.error(
			"usage: node --import tsx test/plugins/schema/extract.ts FOLDER_WITH_OFFICIAL_SCHEMAS",
		);
		process.exit(2);
	}
	main(folder);
}
