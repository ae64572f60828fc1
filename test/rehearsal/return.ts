import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "../../cutover/check";
import { runOrThrow } from "../../cutover/run";
import { startLocalPostgres } from "../postgres";
import { watchNames } from "./dns-watch";
import type { Rehearsal } from "./rehearsal";
import type { Step } from "./step";

/**
 * Domains and their records outlive a destroy: they answer the legacy address. So
 * does the database, with the network that it lies in: cutover:allowDataLoss is off.
 */
const mayStay = new Set(["domains", "records", "databases", "vpcs"]);

/**
 * The way back, after everything has been signed: the stack is destroyed while
 * its names are asked without a pause, the export restored into an empty
 * Postgres, and the account looked through for leftovers.
 */
export function returnSteps(rehearsal: Rehearsal): Step[] {
	return [
		{
			title: "cutover:finalize",
			async run() {
				await rehearsal.climb({ finalize: true });
				const text = await rehearsal.npm("status", "-s", "production");
				return /^source +(.*)$/m.exec(text)?.[1] ?? text;
			},
		},
		{
			title: "return: pulumi destroy -s production, its names watched",
			run: () => destroyWatched(rehearsal, "production"),
		},
		{
			title: "the old system is itself again",
			async run() {
				const itself = await rehearsal.oldSystem.isItselfAgain();
				const { status, body } = await rehearsal.control.sendUplink(3.5);
				expect(status === 200, `an uplink was answered ${status} ${body}`);
				return `${itself}, uplinks arrive`;
			},
		},
		{
			title: "the export restores into an empty Postgres with equal counts",
			run: () => restoresEqual("production"),
		},
		{
			title: "nothing else is left in the account",
			async run() {
				const inventory = await rehearsal.control.inventory();
				expect(
					inventory.databases?.count === 1,
					"production's database is gone, without cutover:allowDataLoss",
				);
				const left = Object.entries(inventory).filter(
					([kind, { count }]) => count > 0 && !mayStay.has(kind),
				);
				expect(
					left.length === 0,
					`left: ${left.map(([kind, { names }]) => `${kind} ${names.join(" ")}`).join("; ")}`,
				);
				return "only zones and their records, at the old addresses, and production's database";
			},
		},
	];
}

/** Destroys a stack; at no moment may a name answer anything but the two addresses. */
export async function destroyWatched(
	rehearsal: Rehearsal,
	stack: "staging" | "production",
): Promise<string> {
	const { outputs } = rehearsal.site(stack);
	const watch = (...allowed: string[]) =>
		watchNames(
			rehearsal.environment.EMULATOR_RESOLVER ?? "",
			Object.values(outputs.hostnames),
			allowed,
		);
	const during = watch(outputs.legacyAddress, outputs.reservedIp);
	try {
		await rehearsal[stack].destroy();
	} finally {
		const { asked, wrong } = await during.stop();
		expect(
			wrong.length === 0,
			`${wrong.length} of ${asked} answers were wrong: ${wrong.slice(0, 3).join("; ")}`,
		);
	}
	const { asked, wrong } = await watch(outputs.legacyAddress).stop();
	expect(wrong.length === 0, `not at the old address: ${wrong[0]}`);
	return `${asked} names at ${outputs.legacyAddress}`;
}

/** Imports a stack's latest export into an empty Postgres, and verifies it against the manifest. */
export async function restoresEqual(stack: string): Promise<string> {
	const folder = join("exports", stack);
	const latest = (await readdir(folder)).sort().at(-1) ?? "";
	const server = await startLocalPostgres({ version: 17 });
	try {
		return await restore(join(folder, latest), server.url());
	} finally {
		await server.stop();
	}
}

async function restore(folder: string, url: string): Promise<string> {
	const tool = (args: string[]) =>
		runOrThrow(
			process.execPath,
			[
				"--import",
				"tsx",
				"migration/cli.ts",
				...args,
				"--dir",
				folder,
				"--json",
			],
			{ env: { SOURCE_DATABASE_URL: "", TARGET_DATABASE_URL: url } },
		);
	await tool(["import", "--create-schema"]);
	const { stdout } = await tool(["verify"]);
	const result = JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}") as {
		rows?: number;
		tables?: number;
	};
	expect(result.rows, "the restored database holds no row");
	return `${result.rows} rows in ${result.tables} tables equal to the export's manifest`;
}
