import { z } from "zod";
import { sshTarget } from "./ssh";

/** What a way back of the data needs, in a destroy or by flag. */
export const returnSettings = z.strictObject({
	stack: z.string(),
	ssh: sshTarget,
	/** The cutover image, as it runs on the Droplet. */
	image: z.string(),
	/** As `mappingOptions` takes them. */
	mapping: z.string().optional(),
	acceptRejects: z.array(z.string()),
	/** The new system's database. */
	database: z.strictObject({
		url: z.string(),
		ca: z.string(),
		/** As the cluster's administrator, who may make the database of the proof. */
		adminUrl: z.string(),
	}),
	sourceDatabaseUrl: z.string(),
	stackAuth: z.strictObject({
		apiUrl: z.string(),
		projectId: z.string(),
		secretServerKey: z.string(),
	}),
	/**
	 * Seconds that the source stays frozen once its data are back. Absent in a
	 * destroy, which lifts the barrier itself when the names are back.
	 */
	maxFreeze: z.int().positive().optional(),
});

export type ReturnSettings = z.infer<typeof returnSettings>;

/** What a return has brought back. */
export interface ReturnReport {
	/** False where the new system has taken no write since a switch: nothing was done. */
	readonly returned: boolean;
	/** Folder of the proven export on this machine; null where nothing was done. */
	readonly export: string | null;
	/** Users made in the source. */
	readonly newUsers: number;
	/** Rows written to the source, and rows replaced or deleted there. */
	readonly rowsWritten: number;
	readonly rowsDeleted: number;
	/** Rows that have no way back, by table: they are in the export. */
	readonly withoutWayBack: readonly {
		readonly table: string;
		readonly reason: string;
		readonly rows: number;
	}[];
	/** Rows proven equal on both sides. */
	readonly rowsEqual: number;
}

/**
 * Brings what the new system has written since the switch back to the source. By
 * facts: does nothing where the new system's database has no journal for the way
 * back. Run again after it was cut short, it converges.
 *
 * @throws RemoteError, Error where a step fails: then the new system takes writes
 *   again, the source is still frozen, and nothing else was changed.
 */
export async function returnToSource(
	_settings: ReturnSettings,
): Promise<ReturnReport> {
	throw new Error("not built yet");
}
