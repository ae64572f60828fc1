import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { type Registered, Secret } from "./monitor";

/**
 * A stack's resources as text for a review: sorted, secrets masked, files of
 * services readable.
 */
export function golden(resources: Registered[]): string {
	return resources
		.filter(({ custom }) => custom)
		.map((resource) => {
			const { type, name, inputs, dependsOn } = resource;
			const options = {
				...(dependsOn.length > 0 ? { dependsOn } : {}),
				...(resource.deletedWith ? { deletedWith: resource.deletedWith } : {}),
				...(resource.retainOnDelete ? { retainOnDelete: true } : {}),
				...(resource.import ? { import: resource.import } : {}),
			};
			const text = stringify(
				{ [`${type} ${name}`]: { inputs: shown(inputs), options } },
				{ lineWidth: 0 },
			);
			return { key: `${type} ${name}`, text };
		})
		.sort((a, b) => (a.key < b.key ? -1 : 1))
		.map(({ text }) => text)
		.join("\n");
}

/** A Swarm config is base64 in the program and a file to its reader. */
function shown(value: unknown, key = ""): unknown {
	if (value instanceof Secret) return "[secret]";
	if (key === "data" && typeof value === "string") {
		const text = Buffer.from(value, "base64").toString();
		// A dashboard: long, written by a program, and reviewed where it is made.
		if (text.startsWith("{")) return `[JSON ${sha256(text)}]`;
		return text;
	}
	if (Array.isArray(value)) return value.map((item) => shown(item));
	if (value === null || typeof value !== "object") return value;
	return Object.fromEntries(
		Object.entries(value)
			.map(([name, item]) => [name, shown(item, name)] as const)
			.sort(([a], [b]) => (a < b ? -1 : 1)),
	);
}

function sha256(text: string): string {
	return createHash("sha256").update(text).digest("hex");
}

const folder = join(__dirname, "golden");

/** The committed list; UPDATE_GOLDEN=1 writes it anew. */
export function goldenFile(stack: string, actual: string): string {
	const file = join(folder, `${stack}.txt`);
	if (process.env.UPDATE_GOLDEN) writeFileSync(file, actual);
	return readFileSync(file, "utf8");
}
