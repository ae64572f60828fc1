import { obstacles } from "../catalog/compare";
import { leftOut } from "../catalog/ddl";
import { readCatalog } from "../catalog/read";
import type { Catalog } from "../catalog/types";
import { withConnection } from "../connection";
import { selectTables } from "../copy/select";
import { ExitCode, MigrationError } from "../errors";
import { type Options, sourceOf, targetOf } from "../options";
import type { Outcome } from "./outcome";

/** hash_record_extended, which the digests are made of, came with PostgreSQL 14. */
const OLDEST_VERSION = 140000;

/**
 * Looks at both databases and says what stands in the way of a move: nothing is
 * assumed from the name of a provider.
 */
export async function runProbe(options: Options): Promise<Outcome> {
	const [source, target] = await Promise.all(
		[sourceOf(options), targetOf(options)].map((address) =>
			withConnection(address, { readOnly: true }, readCatalog),
		),
	);
	if (!source || !target) throw new Error("a probe of two gave fewer");
	for (const { server } of [source, target])
		if (server.version < OLDEST_VERSION)
			throw new MigrationError({
				expected: "PostgreSQL 14 or later on both sides",
				found: server.versionText,
				fix: "upgrade that database first",
			});
	const tables = selectTables(source, options.exclude);
	const found = obstacles(source, tables, target);
	return {
		json: {
			source: summary(source),
			target: summary(target),
			obstacles: found,
			leftOut: leftOut(source),
		},
		lines: [
			`source: PostgreSQL ${source.server.versionText}, ${source.tables.length} tables, as ${source.server.role}`,
			`target: PostgreSQL ${target.server.versionText}, ${target.tables.length} tables, as ${target.server.role}`,
			...found.map((line) => `in the way: ${line}`),
			...leftOut(source).map((line) => `does not come along: ${line}`),
		],
		exitCode: found.length > 0 ? ExitCode.differences : ExitCode.done,
	};
}

function summary({ server, tables }: Catalog) {
	return {
		version: server.versionText,
		encoding: server.encoding,
		role: server.role,
		tables: tables.length,
	};
}
