import { cp, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Stays in the checkout, or is the rehearsal's own. */
const notLinked = new Set([
	".git",
	".cache",
	".ssh",
	"evidence",
	"exports",
	"SUMMARY.md",
]);

/**
 * A folder in which the program can be used as in the checkout, whose stack
 * files are copies: a rehearsal sets configuration as an operator would, and
 * the files in the checkout stay as they are.
 */
export async function createWorkspace(
	checkout: string,
	folder: string,
): Promise<void> {
	await rm(folder, { recursive: true, force: true });
	await mkdir(folder, { recursive: true, mode: 0o700 });
	for (const name of await readdir(checkout)) {
		if (notLinked.has(name)) continue;
		if (/^Pulumi\..*\.yaml$/.test(name)) {
			await cp(join(checkout, name), join(folder, name));
		} else {
			await symlink(join(checkout, name), join(folder, name));
		}
	}
}

/** Writes `env.sh` for a person's shell; it carries secrets, so for the owner only. */
export async function writeShellEnvironment(
	folder: string,
	environment: Record<string, string>,
): Promise<void> {
	const lines = Object.entries(environment).map(
		([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'`,
	);
	await writeFile(join(folder, "env.sh"), `${lines.join("\n")}\n`, {
		mode: 0o600,
	});
}
