import type { ClientBase } from "pg";
import type { DatabaseAddress } from "../connection";
import { dropEmptySchema } from "../freeze/barrier";
import { plainName } from "./check";
import { DROP_JOURNAL } from "./schema";
import { hasJournal, readFollowed } from "./state";
import { letGo } from "./take-in";

/**
 * Takes the journal away, table by table, then its own tables; gives the names of
 * the tables that were followed. What is in it and was not applied is lost.
 */
export async function removeJournal(
	address: DatabaseAddress,
	client: ClientBase,
	lockTimeout: number,
): Promise<string[]> {
	if (!(await hasJournal(client))) return [];
	const followed = await readFollowed(client);
	for (const table of followed)
		await letGo(address, client, table, lockTimeout);
	await client.query(DROP_JOURNAL);
	await dropEmptySchema(client);
	return followed.map(plainName);
}
