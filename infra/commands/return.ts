import type { Database } from "../database";
import type { Server } from "../server";
import type { Settings } from "../settings";

export interface ReturnArgs {
	stack: string;
	server: Server;
	database: Database;
	settings: Settings;
}

/**
 * The settings of `cutover/return.ts`, for the standard input of a command.
 *
 * @returns null where the stack has no source to return to.
 */
export function returnInputs({
	stack,
	server,
	database,
	settings,
}: ReturnArgs) {
	const { images, migration, sourceDatabaseUrl, stackAuth } = settings;
	if (!sourceDatabaseUrl) return null;
	return {
		stack,
		ssh: { ...server.manager.ssh },
		image: images.cutover,
		...(migration.mapping ? { mapping: migration.mapping } : {}),
		acceptRejects: migration.acceptRejects,
		database: databaseInputs(database),
		sourceDatabaseUrl,
		stackAuth: {
			apiUrl: stackAuth.apiUrl,
			projectId: stackAuth.projectId,
			secretServerKey: settings.stackAuthSecretServerKey,
		},
	};
}

/** The database as `cutover/export.ts` takes it. */
export function databaseInputs({ url, ca, adminUrl }: Database) {
	return { url, ca, adminUrl };
}
