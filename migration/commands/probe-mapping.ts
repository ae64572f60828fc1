import { withConnection } from "../connection";
import { ExitCode } from "../errors";
import { checkMappingAndUsers } from "../mapping/check";
import type { Mapping } from "../mapping/types";
import { type Options, sourceOf, targetOf } from "../options";
import type { Outcome } from "./outcome";
import { refuseOld, summary } from "./versions";

/**
 * Holds a mapping to both databases and says what is wrong, what is undecided (as
 * lines to paste), and what will have no way back.
 */
export async function probeMapping(
	options: Options,
	mapping: Mapping,
): Promise<Outcome> {
	const readOnly = { readOnly: true };
	return withConnection(sourceOf(options), readOnly, (source) =>
		withConnection(targetOf(options), readOnly, async (target) => {
			const check = await checkMappingAndUsers(mapping, { source, target });
			const { compiled, problems, undecided, exported } = check;
			refuseOld([compiled.source.catalog, compiled.target.catalog]);
			const passed = problems.length === 0 && undecided === "";
			return {
				json: {
					source: summary(compiled.source.catalog),
					target: summary(compiled.target.catalog),
					mapping: mapping.name,
					routes: compiled.forward.routes.length,
					waysBack: compiled.back.routes.length,
					archived: compiled.archive.length,
					problems,
					undecided: compiled.undecided,
					withoutWayBack: exported,
				},
				lines: [
					`mapping ${mapping.name}: ${compiled.forward.routes.length} routes, ${compiled.archive.length} of them into the archive, ${compiled.back.routes.length} ways back`,
					...problems.map((line) => `wrong: ${line}`),
					...(undecided === ""
						? []
						: ["undecided; paste where the comments say:", undecided]),
					...exported.map(
						({ table, why, rows }) =>
							`no way back: ${table} (${rows} rows now): ${why}`,
					),
				],
				exitCode: passed ? ExitCode.done : ExitCode.badInput,
			};
		}),
	);
}
