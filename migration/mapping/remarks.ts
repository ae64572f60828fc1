import type { ClientBase } from "pg";
import { countReturned } from "./archive";
import { countRejects, describeReject, type RejectCount } from "./rejects";
import type { Mapping } from "./types";

/** What a run through a mapping has left where it is not looked for. */
export interface Remarks {
	readonly rejected: readonly RejectCount[];
	/** Rows of the new system without a place in the old one; only on the way back. */
	readonly withoutWayBack: readonly {
		readonly table: string;
		readonly rows: number;
	}[];
	readonly lines: readonly string[];
}

/** Reads, on the side that was written to, what a person should know of a mapping's run. */
export async function readRemarks(
	write: ClientBase,
	{ accepted = [] }: Mapping,
	back: boolean,
): Promise<Remarks> {
	const rejected = await countRejects(write, accepted);
	const withoutWayBack = back
		? (await countReturned(write)).filter(({ rows }) => rows > 0)
		: [];
	return {
		rejected,
		withoutWayBack,
		lines: [
			...rejected.map(describeReject),
			...withoutWayBack.map(
				({ table, rows }) =>
					`${table}: ${rows} rows have no place in the old system; they are in its schema returned`,
			),
		],
	};
}
