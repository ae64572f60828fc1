import { local } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { Database } from "../database";
import { recordNames } from "../dns";
import type { Network } from "../network";
import { nothing, secretJson } from "../remote";
import type { Server } from "../server";
import type { Settings } from "../settings";
import { databaseInputs, returnInputs } from "./return";

export interface RollbackArgs {
	stack: string;
	release: string;
	network: Network;
	server: Server;
	database: Database;
	settings: Settings;
	/** Everything that must still stand while it runs. */
	dependsOn: pulumi.Resource[];
}

/**
 * The way back. Creating it does nothing; because it depends on everything,
 * `pulumi destroy` deletes it first, and that exports the new database, proves
 * and fetches the export, brings what was written since a switch back to the
 * source, gives the names the old address and lifts the write barrier. Only when
 * all of it succeeded are the services stopped. New inputs are noted and run
 * nothing. It is the one command that is not skipped together with its machine.
 */
export function prepareRollback(
	name: string,
	args: RollbackArgs,
): local.Command {
	const { settings, database, network } = args;
	const { ssh } = args.server.manager;
	const { cluster } = database;
	const data = returnInputs(args);
	return new local.Command(
		name,
		{
			create: nothing,
			update: nothing,
			delete: "node --import tsx cutover/rollback.ts",
			stdin: secretJson({
				stack: args.stack,
				release: args.release,
				ssh: { ...ssh },
				image: settings.images.cutover,
				database: databaseInputs(database),
				...(data ? { data } : {}),
				...(settings.allowDataLoss
					? {}
					: {
							kept: {
								cluster: { id: cluster.id, name: cluster.name },
								vpcId: network.vpcId,
							},
						}),
				zone: settings.domain,
				records: recordNames,
				legacyAddress: settings.legacyAddress,
				frozen: settings.freeze,
			}),
			environment: settings.apiEnvironment,
			addPreviousOutputInEnv: false,
		},
		{
			dependsOn: args.dependsOn,
			customTimeouts: { delete: "12h" },
		},
	);
}
