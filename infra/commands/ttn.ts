import { local } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { Database } from "../database";
import { keepOutput, nothing, secretJson } from "../remote";
import type { Server } from "../server";
import type { Settings } from "../settings";

export interface NoteArgs {
	stack: string;
	server: Server;
	settings: Settings;
}

export interface RepointArgs extends NoteArgs {
	database: Database;
	/** See noteUplinks. */
	noted: local.Command[];
	apiHostname: string;
	/** The new system's. */
	address: pulumi.Input<string>;
	/** The names lead to the new system by then. */
	dependsOn: pulumi.Resource[];
}

/** What each of these does, and what all of them guarantee, stands in cutover/ttn.ts. */
const run = (command: string) => `node --import tsx cutover/ttn.ts ${command}`;

/**
 * Notes time and webhooks before the freeze, which has to depend on it: so its output
 * stands in the state before anything is refused or repointed, whatever is killed later.
 * Deleted when the source has been opened again, it points back what is not yet, and
 * brings the old system the uplinks that it missed.
 *
 * @returns none where the stack has no TTN or no freeze.
 */
export function noteUplinks(
	name: string,
	{ stack, server, settings }: NoteArgs,
): local.Command[] {
	const { ttn } = settings;
	if (!settings.freeze || !ttn) return [];
	const noted = new local.Command(
		name,
		{
			create: run("note"),
			update: keepOutput,
			delete: run("give-back"),
			stdin: secretJson({
				...access(settings),
				stack,
				source: {
					...tool(server, settings),
					database: { url: settings.sourceDatabaseUrl },
					query: ttn.received.source,
				},
			}),
			// The delete reads what was noted.
			addPreviousOutputInEnv: true,
		},
		{ dependsOn: [server.engine], customTimeouts: { delete: "12h" } },
	);
	return [noted];
}

/**
 * Repoints the webhooks of The Things Network, which moving DNS does not move, then
 * brings the new system what the old one refused meanwhile. Switching the flag off, or a
 * destroy, points each back to where it was. The catch-up is a command of its own, so that
 * the state knows of the repointing when it fails; it is repeated with the next `up` then.
 *
 * @returns nothing to wait for where the stack has no TTN or no switch yet.
 */
export function repointWebhooks(
	name: string,
	args: RepointArgs,
): pulumi.Resource[] {
	const { stack, settings, server, database, address } = args;
	const { ttn } = settings;
	const [noted] = args.noted;
	if (!settings.dnsSwitch || !ttn || !noted) return [];
	const where = {
		...access(settings),
		baseUrl: `https://${args.apiHostname}`,
		uplinkPath: ttn.uplinkPath,
		noted: noted.stdout,
	};
	const webhooks = new local.Command(
		`${name}-webhooks`,
		{
			create: run("point"),
			update: nothing,
			delete: run("restore"),
			stdin: secretJson(where),
			addPreviousOutputInEnv: false,
		},
		{ dependsOn: args.dependsOn },
	);
	const uplinks = new local.Command(
		`${name}-catch-up`,
		{
			create: run("catch-up"),
			update: nothing,
			stdin: secretJson({
				...where,
				...{ stack, address },
				target: {
					...tool(server, settings),
					database: { url: database.url, ca: database.ca },
					query: ttn.received.target,
				},
			}),
			addPreviousOutputInEnv: false,
		},
		{ dependsOn: [webhooks], customTimeouts: { create: "12h" } },
	);
	return [webhooks, uplinks];
}

/** Where the migration's command line runs, which asks the databases. */
function tool({ manager }: Server, { images }: Settings) {
	return { ssh: { ...manager.ssh }, image: images.cutover };
}

/** How the commands reach The Things Stack. */
function access({ ttn, ttnApiKey }: Settings) {
	return {
		apiUrl: ttn?.apiUrl,
		applicationIds: ttn?.applicationIds,
		apiKey: ttnApiKey,
	};
}
