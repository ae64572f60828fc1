import { MigrationError } from "../errors";
import type { Options } from "../options";
import { freshtrack } from "./freshtrack";
import { acceptedOnCommandLine } from "./rejects";
import type { Mapping } from "./types";

/** The mappings that `--mapping` knows: imported, so that a bundle holds them. */
const MAPPINGS: readonly Mapping[] = [freshtrack];

/**
 * The mapping that the operator chose, with what he accepts for this run; null for
 * a move between databases of the same schema.
 */
export function mappingOf({
	mapping: name,
	acceptRejects,
}: Pick<Options, "mapping" | "acceptRejects">): Mapping | null {
	if (name === undefined) {
		if (acceptRejects.length === 0) return null;
		throw new MigrationError({
			expected: "--accept-rejects together with --mapping",
			found: "no mapping, without which no row is rejected",
			fix: "give --mapping NAME, or leave --accept-rejects out",
		});
	}
	const found = MAPPINGS.find((mapping) => mapping.name === name);
	if (!found)
		throw new MigrationError({
			expected: `a mapping: ${MAPPINGS.map((mapping) => mapping.name).join(", ")}`,
			found: name,
			fix: "correct --mapping, or register the mapping in migration/mapping/index.ts",
		});
	return {
		...found,
		accepted: [
			...(found.accepted ?? []),
			...acceptedOnCommandLine(acceptRejects),
		],
	};
}
