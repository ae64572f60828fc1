import { obstacles } from "../catalog/compare";
import { leftOut } from "../catalog/ddl";
import { describeLeftOut } from "../catalog/left-out";
import { tryMaintenance } from "../catalog/maintenance";
import { readOffer } from "../catalog/offer";
import { readCatalog } from "../catalog/read";
import { readSchemas } from "../catalog/schemas";
import { readShape } from "../catalog/shape";
import { withConnection } from "../connection";
import { selectTables } from "../copy/select";
import { ExitCode } from "../errors";
import { mappingOf } from "../mapping";
import { type Options, sourceOf, targetOf } from "../options";
import type { Outcome } from "./outcome";
import { probeMapping } from "./probe-mapping";
import { refuseOld, summary } from "./versions";

/**
 * Looks at both databases and says what stands in the way of a move: nothing is
 * assumed from the name of a provider.
 */
export async function runProbe(options: Options): Promise<Outcome> {
	const mapping = mappingOf(options);
	if (mapping) return probeMapping(options, mapping);
	const readOnly = { readOnly: true };
	const { read, schemas } = await withConnection(
		sourceOf(options),
		readOnly,
		async (client) => {
			const schemas = await readSchemas(client);
			return { read: await readCatalog(client, schemas), schemas };
		},
	);
	const source = await tryMaintenance(read, sourceOf(options));
	const { target, offer } = await withConnection(
		targetOf(options),
		readOnly,
		async (client) => ({
			target: await readShape(client, schemas),
			offer: await readOffer(client, source),
		}),
	);
	refuseOld([source, target]);
	const tables = selectTables(source, options.exclude);
	const found = obstacles(source, tables, target);
	const left = leftOut({ ...source, tables }, offer);
	return {
		json: {
			source: summary(source),
			target: summary(target),
			obstacles: found,
			leftOut: left,
		},
		lines: [
			`source: PostgreSQL ${source.server.versionText}, ${source.tables.length} tables, as ${source.server.role}`,
			`target: PostgreSQL ${target.server.versionText}, ${target.tables.length} tables, as ${target.server.role}`,
			...found.map((line) => `in the way: ${line}`),
			...left.map((entry) => `does not come along: ${describeLeftOut(entry)}`),
		],
		exitCode: found.length > 0 ? ExitCode.differences : ExitCode.done,
	};
}
