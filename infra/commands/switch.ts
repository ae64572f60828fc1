import { local } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { Hostnames } from "../../caddy/caddyfile";
import { mostTtl } from "../../cutover/ttl";
import { secretJson } from "../remote";
import type { Settings } from "../settings";
import { type ReturnArgs, returnInputs } from "./return";

export interface SwitchArgs extends ReturnArgs {
	hostnames: Hostnames;
	reservedIp: pulumi.Output<string>;
	/** All that the gate looks at, and the freeze. */
	dependsOn: pulumi.Resource[];
}

/**
 * What has to be done before the names may change, which depend on it: on the way
 * up the gate, the barrier without deadline and the journal for the way back; on
 * the way down the return of the data. It stands at every rung, so that a flag
 * switched off runs it as well, and before the records: a delete would come last.
 */
export function turnSwitch(
	name: string,
	{ hostnames, reservedIp, dependsOn, ...args }: SwitchArgs,
): local.Command {
	const { stack, settings } = args;
	const { domain, sync, dnsTtl } = settings;
	const rung = rungOf(settings);
	const turn = drawTurn(`${name}-turn`, rung);
	const data = returnInputs(args);
	return new local.Command(
		name,
		{
			// Without an update of its own, it runs for that as well.
			create: "node --require tsx/cjs cutover/switch.ts",
			stdin: secretJson({
				...{ stack, turn, rung, sync },
				...{ domain, hostnames, reservedIp },
				mostTtl: Math.min(dnsTtl, mostTtl),
				...(data ? { data: { ...data, maxFreeze: settings.maxFreeze } } : {}),
			}),
			logging: "stderr",
			addPreviousOutputInEnv: true,
		},
		// A return exports all data.
		{ dependsOn, customTimeouts: { create: "12h", update: "12h" } },
	);
}

/**
 * Drawn anew when the flags turn the switch, and in the state before the command
 * begins. So one that was killed runs again also where the flags were set back
 * since: a failed update leaves the old inputs in the state, and to the engine
 * nothing would have changed. And it tells the command that new credentials or
 * images are no reason to switch.
 */
export function drawTurn(name: string, rung: string): pulumi.Output<string> {
	return new random.RandomId(name, { byteLength: 8, keepers: { rung } }).hex;
}

/** Where the names are to lead. */
export function rungOf({
	dnsSwitch,
	finalize,
}: Pick<Settings, "dnsSwitch" | "finalize">): "off" | "on" | "final" {
	if (finalize) return "final";
	return dnsSwitch ? "on" : "off";
}
