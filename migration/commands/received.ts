import { withConnection } from "../connection";
import { ExitCode, MigrationError } from "../errors";
import { type Options, sourceOf } from "../options";
import type { Outcome } from "./outcome";

/**
 * Which messages of sensors the source holds, by the product's own query (`--query`):
 * one statement, $1 a time, that gives `dev_eui` and `received_at` of those from then
 * on. The session is read only and finds tables by their schema's name alone.
 */
export async function runReceived(options: Options): Promise<Outcome> {
	const { query, since } = options;
	if (!query || !since)
		throw new MigrationError({
			expected: "--query SQL and --since TIME",
			found: query ? "no --since" : "no --query",
			fix: "give both",
		});
	const rows = await withConnection(
		sourceOf(options),
		{ readOnly: true },
		async (client) => (await client.query(query, [since])).rows as unknown[],
	);
	const received = rows.map(pairOf);
	return {
		json: { received },
		lines: [`${received.length} messages since ${since}`],
		exitCode: ExitCode.done,
	};
}

function pairOf(row: unknown): [devEui: string, receivedAt: string] {
	const { dev_eui: devEui, received_at: at } = row as Record<string, unknown>;
	if (typeof devEui === "string" && at instanceof Date)
		return [devEui, at.toISOString()];
	throw new MigrationError({
		expected:
			"a query that gives dev_eui as text and received_at as timestamptz",
		found: Object.entries(row as object)
			.map(([name, value]) => `${name}: ${typeof value}`)
			.join(", "),
		fix: "correct --query (a stack's cutover:ttn.received)",
	});
}
