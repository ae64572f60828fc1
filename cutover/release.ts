import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run";

/** All that decides what an `up` does. Configuration and evidence are no part of it. */
const program = [
	"index.ts",
	"package-lock.json",
	...["caddy", "cutover", "infra", "migration", "observability"],
];

/** What a stack names besides the program. */
export interface ReleaseParts {
	/** Image references by service. */
	images: Record<string, string>;
	/** The name of the mapping, where the new system has another schema. */
	mapping?: string | undefined;
}

/**
 * Names what is being released: a digest of the program's files, the images and
 * the mapping. Equal in every folder with the same files, with or without git,
 * and also where these are reached through links.
 *
 * @param folder of Pulumi.yaml.
 * @returns 12 hex digits.
 */
export function releaseOf(
	{ images, mapping }: ReleaseParts,
	folder = process.cwd(),
): string {
	const hash = createHash("sha256");
	for (const path of program.flatMap((entry) => filesOf(folder, entry)).sort())
		hash.update(`${path}\0${digest(readFileSync(join(folder, path)))}\n`);
	const named = Object.entries(images).sort(([a], [b]) => (a < b ? -1 : 1));
	hash.update(JSON.stringify([named, mapping ?? null]));
	return hash.digest("hex").slice(0, 12);
}

/** Files below an entry, relative to the folder; pages for people are left out. */
function filesOf(folder: string, entry: string): string[] {
	const path = join(folder, entry);
	if (statSync(path).isFile()) return [entry];
	return readdirSync(path, { recursive: true, encoding: "utf8" })
		.filter((name) => !/(^|\/)(node_modules\/|\.)|\.md$/.test(name))
		.map((name) => `${entry}/${name}`)
		.filter((name) => statSync(join(folder, name)).isFile());
}

function digest(content: Buffer): string {
	return createHash("sha256").update(content).digest("hex");
}

/** The program's commit, for people to find it by; "unknown" without git. */
export async function commitOfProgram(): Promise<string> {
	const args = ["describe", "--always", "--dirty"];
	const answer = await run("git", args, { cwd: __dirname }).catch(() => null);
	return answer?.stdout.trim() || "unknown";
}
