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
		database: {
			url: database.url,
			ca: database.ca,
			adminUrl: database.adminUrl,
		},
		sourceDatabaseUrl,
		stackAuth: {
			apiUrl: stackAuth.apiUrl,
			projectId: stackAuth.projectId,
			secretServerKey: settings.stackAuthSecretServerKey,
		},
	};
}
