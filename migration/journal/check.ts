import type { ClientBase } from "pg";
import { tableName } from "../catalog/types";
import { ExitCode, MigrationError } from "../errors";
import {
	compareShapes,
	readShapes,
	type Shape,
	type ShapeMember,
} from "./shape";
import { type FollowedTable, STRANGERS } from "./state";

/** A partition that came since its table is followed. */
export interface Attached {
	readonly table: FollowedTable;
	readonly members: readonly ShapeMember[];
}

export interface Checked {
	/** To be taken in before rows are read. */
	readonly attached: readonly Attached[];
	/** Shapes that changed without harm, to be remembered. */
	readonly drifted: readonly { readonly id: number; readonly shape: Shape }[];
}

/**
 * Checks in the client's snapshot that every write to the followed tables goes into
 * the journal and that their rows still have the form that the other side knows.
 * Anything else ends the following (exit 4) with what changed and what to do.
 */
export async function checkJournal(
	client: ClientBase,
	followed: readonly FollowedTable[],
): Promise<Checked> {
	const shapes = await readShapes(client);
	const broken: string[] = [];
	const attached: Attached[] = [];
	const drifted: { id: number; shape: Shape }[] = [];
	for (const table of followed) {
		const shape = shapes.get(table.id);
		const name = plainName(table);
		if (!shape) {
			broken.push(`${name}: it is no longer noted as followed`);
			continue;
		}
		const change = compareShapes(table.shape, shape);
		broken.push(...change.breaking.map((what) => `${name}: ${what}`));
		if (change.attached.length > 0)
			attached.push({ table, members: change.attached });
		if (change.drifted) drifted.push({ id: table.id, shape });
	}
	if (broken.length > 0) throw shapeChanged(broken);
	await refuseNewcomers(client);
	return { attached, drifted };
}

/** What a follower says when a table is not what it was. */
export function shapeChanged(changes: readonly string[]): MigrationError {
	return new MigrationError(
		{
			expected:
				"the followed tables as they were when the journal was installed",
			found: changes.join("\n         "),
			fix: "make the same change on the other side, then run sync with --recopy TABLE for each; --exclude TABLE leaves one behind",
		},
		ExitCode.refused,
	);
}

async function refuseNewcomers(client: ClientBase): Promise<void> {
	const { rows } = await client.query<{ name: string }>(`
		SELECT s.name FROM (${STRANGERS}) s
		WHERE s.oid NOT IN (SELECT relation FROM cutover.journal_stranger)
		ORDER BY 1
	`);
	if (rows.length === 0) return;
	throw new MigrationError(
		{
			expected: "no table beyond those known when the journal was installed",
			found: `new: ${rows.map(({ name }) => name).join(", ")}`,
			fix: "make it on the other side as well and run sync again, which takes it in; or run sync with --exclude TABLE",
		},
		ExitCode.refused,
	);
}

/** The table's name when it was noted, as people write it. */
export function plainName({ shape }: Pick<FollowedTable, "shape">): string {
	const root = Object.values(shape.members).find((member) => member.root);
	return tableName({ schema: root?.schema ?? "?", name: root?.table ?? "?" });
}
