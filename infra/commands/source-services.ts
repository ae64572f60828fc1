import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Part } from "../../cutover/supabase";
import { keepOutput, nothing, secretJson } from "../remote";
import type { Settings } from "../settings";

/** What each command does stands in cutover/supabase.ts. */
const run = (command: string) =>
	`node --import tsx cutover/supabase.ts ${command}`;

/**
 * What of Supabase has to be closed beside the barrier, since other roles own it.
 *
 * Sign-ups are off from before the barrier until it has been lifted. The data API is
 * closed with the switch, when there is no way but a return, and not at the freeze: the
 * barrier refuses writes without it, and lifts itself where a freeze fails or its machine
 * dies; Supabase's settings have no such limit, so a closed API would keep a source down
 * that is to serve again by itself. Sign-ups stay off then, until the next `up` or destroy.
 *
 * How both were set is noted in a resource of its own, so that it stands in the state
 * before anything is changed, and a killed run does not take our setting for theirs.
 */
export class SourceServices {
	/** What the freeze has to depend on. */
	readonly beforeFreeze: pulumi.Resource[] = [];
	readonly #close?: (part: Part, dependsOn: pulumi.Resource[]) => local.Command;

	/** @param dependsOn what needs them open again: it is deleted after they have been reopened. */
	constructor(
		name: string,
		settings: Settings,
		{ dependsOn }: { dependsOn: pulumi.Resource[] },
	) {
		const { supabase, supabaseAccessToken: accessToken, freeze } = settings;
		if (!freeze) return;
		if (!supabase || !accessToken) {
			if (!settings.dnsSwitch)
				void pulumi.log.warn(
					"Supabase: sign-ups and data API are left as they are, since cutover:supabase or cutover:supabaseAccessToken is not set: switch sign-ups off in its dashboard",
				);
			return;
		}
		const project = { ...supabase, accessToken };
		const noted = new local.Command(
			`${name}-noted`,
			{
				create: run("note"),
				update: keepOutput,
				stdin: secretJson(project),
				addPreviousOutputInEnv: true,
			},
			{ dependsOn },
		);
		this.#close = (part, after) =>
			new local.Command(
				`${name}-${part}`,
				{
					create: run(`close ${part}`),
					update: nothing,
					delete: run(`reopen ${part}`),
					stdin: secretJson({ ...project, former: noted.stdout }),
					addPreviousOutputInEnv: false,
				},
				{ dependsOn: after },
			);
		this.beforeFreeze = [this.#close("sign-ups", [])];
	}

	/** For good, unless the switch is taken back. */
	closeDataApi(
		settings: Settings,
		dependsOn: pulumi.Resource[],
	): pulumi.Resource[] {
		return settings.dnsSwitch && this.#close
			? [this.#close("data-api", dependsOn)]
			: [];
	}
}
