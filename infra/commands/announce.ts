import { local } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { Phase } from "../../cutover/announce";
import { nothing, secretJson } from "../remote";
import { kumaAt, type UptimeKumaStateArgs } from "./uptime-kuma";

/**
 * The ladder's announcements: status page, silence, annotations. They stand beside the
 * ladder, not in it: nothing but a destroy's way back depends on them, and none of them
 * fails. A destroy skips their deletes, because what those would change goes with the
 * machine.
 */
export class Announcements {
	readonly #args: UptimeKumaStateArgs;
	/** In the order in which they are told. */
	readonly told: pulumi.Resource[] = [];

	constructor(args: UptimeKumaStateArgs) {
		this.#args = args;
	}

	/**
	 * When the source is frozen; where that is taken back before a switch, that it was
	 * put off. Behind the switch, where both are in one `up`: until then nobody's name
	 * leads to the status page, and the barrier would stand longer for it.
	 */
	freeze(name: string, dependsOn: pulumi.Resource[]): void {
		const { freeze, dnsSwitch } = this.#args.settings;
		const takenBack = dnsSwitch ? undefined : "put-off";
		if (freeze) this.#announce(name, "begin", takenBack, dependsOn);
	}

	/** When the names lead to the new system, and when it becomes final. */
	switched(name: string, dependsOn: pulumi.Resource[]): void {
		const { dnsSwitch, finalize } = this.#args.settings;
		if (dnsSwitch) this.#announce(name, "complete", "returned", dependsOn);
		if (finalize) this.#announce(`${name}-final`, "final", undefined, []);
	}

	#announce(
		name: string,
		phase: Phase,
		takenBack: Phase | undefined,
		dependsOn: pulumi.Resource[],
	): void {
		const { settings, hostnames, server } = this.#args;
		const run = (what: Phase) =>
			`node --import tsx cutover/announce.ts ${what}`;
		const command = new local.Command(
			name,
			{
				create: run(phase),
				update: nothing,
				...(takenBack ? { delete: run(takenBack) } : {}),
				stdin: secretJson({
					domain: settings.domain,
					kuma: kumaAt(this.#args),
					monitoring: hostnames.monitoring,
					maxFreeze: settings.maxFreeze,
				}),
				logging: "stderr",
				addPreviousOutputInEnv: false,
			},
			{
				dependsOn: [
					...this.#args.dependsOn,
					...this.told.slice(-1),
					...dependsOn,
				],
				deletedWith: server.manager.droplet,
			},
		);
		this.told.push(command);
	}
}
