import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { mappingOptions } from "../../cutover/migration-tool";
import { shellQuote } from "../../cutover/shell";
import type { Database } from "../database";
import { connection, nothing, secretJson } from "../remote";
import { databases, type Secrets } from "../secrets";
import type { Server } from "../server";
import { Follower } from "../services/follower";
import { Watch } from "../services/watch";
import type { Settings } from "../settings";
import type { Swarm } from "../swarm";

interface StepArgs {
	server: Server;
	database: Database;
	settings: Settings;
	/** What must be done first. */
	dependsOn: pulumi.Resource[];
}

export interface MigrationArgs extends StepArgs {
	swarm: Swarm;
	secrets: Secrets;
	/** What must be done before the barrier, and is undone after it is lifted. */
	beforeFreeze: pulumi.Resource[];
}

interface Step {
	name: string;
	/** Command and options of the migration's command line. */
	run: string;
	/** What `pulumi destroy`, or switching the flag off, runs. */
	undo?: string;
}

/**
 * The migration as command resources, run beside both databases on the
 * manager: the managed one admits nobody else. A step runs once, when its flag
 * goes up, after the one before. A later change of image or credentials does not
 * repeat it: rows copied over a live database would undo what users wrote since.
 *
 * Users come before rows, so that rows name them by their new ids. All rows are
 * proven equal while the source still serves, and at the freeze those written since:
 * so the freeze does not grow with the data. From the copy to the freeze a service
 * follows the source.
 *
 * The freeze is one step, so that its failure lifts the barrier at once: barrier, last
 * users, last rows, proof. The follower stops before it, while the source serves; what
 * is written from then on is brought before the barrier. A service watches the source
 * from then on.
 */
export class Migration extends pulumi.ComponentResource {
	/** In the order of the ladder; the last settles last. */
	readonly steps: remote.Command[] = [];
	readonly #args: MigrationArgs;

	constructor(
		name: string,
		args: MigrationArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Migration", name, {}, opts);
		this.#args = args;
		const { sync, freeze, maxFreeze, migration, users } = args.settings;
		const mapping = mappingOptions(migration)
			.map((word) => ` ${shellQuote(word)}`)
			.join("");
		const hashes = users.carryHashes ? "" : " --reset-passwords";
		const run = (step: Step, ...after: pulumi.Resource[]) => {
			const before = [...this.steps.slice(-1), ...after];
			const dependsOn = [...args.dependsOn, ...before];
			this.steps.push(
				runStep(`${name}-${step.name}`, step, { ...args, dependsOn }, this),
			);
		};
		if (sync) {
			run({ name: "probe", run: `probe${mapping}` });
			run({ name: "users", run: `users${hashes}` });
			const undo = "sync --remove";
			run({ name: "sync", run: `sync --proof${mapping}`, undo });
			if (freeze) {
				const { service } = this.#follower([]);
				const all = `freeze --max-freeze ${maxFreeze} --cancel-writers --drain`;
				run(
					{
						name: "freeze",
						run: `${all}${hashes}${mapping}`,
						undo: "unfreeze",
					},
					service.service,
					...args.beforeFreeze,
				);
				new Watch(
					"watch",
					{ ...args, dependsOn: this.steps.slice(-1) },
					{ parent: this },
				);
			}
		}
		this.registerOutputs({});
	}

	/**
	 * Follows the source where that serves. Behind the switch: where the freeze and it
	 * are taken back at once, the new system's writes go back first, and two syncs of
	 * one pair keep each other out.
	 */
	followBehind(turned: pulumi.Resource): void {
		const { sync, freeze } = this.#args.settings;
		if (sync && !freeze) this.#follower([turned]);
	}

	#follower(behind: pulumi.Resource[]): Follower {
		const dependsOn = [...this.steps.slice(-1), ...behind];
		const args = { ...this.#args, dependsOn };
		return new Follower("follower", args, { parent: this });
	}
}

/**
 * Has the rows of large tables' foreign keys looked at, which the drain puts back
 * unchecked so that the freeze is short. It blocks no writer and may take long: it
 * belongs behind the switch, which neither waits for it nor fails with it.
 *
 * @returns nothing to wait for where there is no switch yet.
 */
export function validateKeys(name: string, args: StepArgs): pulumi.Resource[] {
	if (!args.settings.dnsSwitch) return [];
	return [runStep(name, { name: "validate", run: "sync --validate" }, args)];
}

function runStep(
	name: string,
	{ run, undo }: Step,
	{ server, database, settings, dependsOn }: StepArgs,
	parent?: pulumi.Resource,
): remote.Command {
	const { manager } = server;
	const { cutover } = settings.images;
	return new remote.Command(
		name,
		{
			connection: connection(manager.ssh),
			create: migrationTool(cutover, run),
			update: nothing,
			...(undo ? { delete: migrationTool(cutover, undo) } : {}),
			stdin: migrationEnvironment(database, settings),
			// Progress stands on standard error, and no secret on either.
			logging: "stderr",
			addPreviousOutputInEnv: false,
		},
		{
			...(parent ? { parent } : {}),
			dependsOn: [...dependsOn, ...database.ready],
			// Barrier and journal are taken off the source even when the machine
			// goes too: nothing else knows of them where a deployment stopped half-way.
			...(undo ? {} : { deletedWith: manager.droplet }),
			customTimeouts: { create: "12h", delete: "1h" },
		},
	);
}

/** The migration's command line in its container; secrets come by standard input. */
function migrationTool(image: string, run: string): string {
	return [
		"docker run --rm -i --network host --log-opt tag=migration",
		"-v /var/lib/cutover:/var/lib/cutover",
		`${image} ${run} --environment-stdin --json`,
	].join(" ");
}

function migrationEnvironment(
	database: Database,
	settings: Settings,
): pulumi.Output<string> {
	return secretJson({
		...databases(database, settings),
		STACK_AUTH_API_URL: settings.stackAuth.apiUrl,
		STACK_AUTH_PROJECT_ID: settings.stackAuth.projectId,
		STACK_AUTH_SECRET_SERVER_KEY: settings.stackAuthSecretServerKey,
	});
}
