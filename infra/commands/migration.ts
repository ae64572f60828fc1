import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { mappingOptions } from "../../cutover/migration-tool";
import { shellQuote } from "../../cutover/shell";
import type { Database } from "../database";
import { connection, nothing, secretJson } from "../remote";
import type { Server } from "../server";
import type { Settings } from "../settings";

export interface MigrationArgs {
	server: Server;
	database: Database;
	settings: Settings;
	/** What must be done first: the target's schema. */
	dependsOn: pulumi.Resource[];
}

interface Step {
	name: string;
	/** Command and options of the migration's command line. */
	run: string;
	/** What `pulumi destroy`, or switching the flag off, runs. */
	undo?: string;
}

/**
 * All steps, each after the one before. Users come before rows, so that rows name
 * them by their new ids; whoever signed up since then comes before the last rows.
 * All rows are proven equal while the source still serves, and at the freeze those
 * written since: so the freeze does not grow with the data.
 */
function stepsOf({ sync, freeze, migration, users }: Settings): Step[] {
	const mapping = mappingOptions(migration)
		.map((word) => ` ${shellQuote(word)}`)
		.join("");
	const moveUsers = `users${users.carryHashes ? "" : " --reset-passwords"}`;
	const follow: Step[] = [
		{ name: "probe", run: `probe${mapping}` },
		{ name: "users", run: moveUsers },
		{ name: "sync", run: `sync --proof${mapping}`, undo: "sync --remove" },
	];
	const stop: Step[] = [
		{ name: "freeze", run: "freeze", undo: "unfreeze" },
		{ name: "last-users", run: moveUsers },
		{ name: "drain", run: `sync --drain${mapping}` },
		{ name: "verify", run: `verify --since-baseline${mapping}` },
	];
	return [...(sync ? follow : []), ...(freeze ? stop : [])];
}

/**
 * The migration as command resources, run beside both databases on the
 * manager: the managed one admits nobody else. A step runs once, when its flag
 * goes up. A later change of image or credentials does not repeat it: rows copied
 * over a live database would undo what users wrote since.
 */
export class Migration extends pulumi.ComponentResource {
	/** In the order of the ladder; the last settles last. */
	readonly steps: remote.Command[] = [];

	constructor(
		name: string,
		args: MigrationArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Migration", name, {}, opts);
		const { settings } = args;
		const { manager } = args.server;
		for (const { name: step, run, undo } of stepsOf(settings)) {
			const before = this.steps.at(-1);
			this.steps.push(
				new remote.Command(
					`${name}-${step}`,
					{
						connection: connection(manager.ssh),
						create: migrationTool(settings.images.cutover, run),
						update: nothing,
						...(undo
							? { delete: migrationTool(settings.images.cutover, undo) }
							: {}),
						stdin: migrationEnvironment(args.database, settings),
						// Progress stands on standard error, and no secret on either.
						logging: "stderr",
						addPreviousOutputInEnv: false,
					},
					{
						parent: this,
						dependsOn: [
							...args.dependsOn,
							...args.database.ready,
							...(before ? [before] : []),
						],
						// Barrier and journal are taken off the source even when the machine
						// goes too: nothing else knows of them where a deployment stopped half-way.
						...(undo ? {} : { deletedWith: manager.droplet }),
						customTimeouts: { create: "12h", delete: "1h" },
					},
				),
			);
		}
		this.registerOutputs({});
	}
}

/** The migration's command line in its container; secrets come by standard input. */
function migrationTool(image: string, run: string): string {
	return [
		"docker run --rm -i --network host",
		"-v /var/lib/cutover:/var/lib/cutover",
		`${image} ${run} --environment-stdin --json`,
	].join(" ");
}

function migrationEnvironment(
	database: Database,
	settings: Settings,
): pulumi.Output<string> {
	return secretJson({
		SOURCE_DATABASE_URL: settings.sourceDatabaseUrl,
		TARGET_DATABASE_URL: database.url,
		TARGET_DATABASE_CA: database.ca,
		STACK_AUTH_API_URL: settings.stackAuth.apiUrl,
		STACK_AUTH_PROJECT_ID: settings.stackAuth.projectId,
		STACK_AUTH_SECRET_SERVER_KEY: settings.stackAuthSecretServerKey,
	});
}
