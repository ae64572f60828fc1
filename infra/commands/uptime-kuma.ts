import { local } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { Hostnames } from "../../caddy/caddyfile";
import { desiredState } from "../../observability/uptime-kuma/desired";
import { deliveryOf } from "../alert-settings";
import { secretJson, within } from "../remote";
import type { Secrets } from "../secrets";
import type { Server } from "../server";
import type { Settings } from "../settings";

export interface UptimeKumaStateArgs {
	server: Server;
	secrets: Secrets;
	settings: Settings;
	hostnames: Hostnames;
	/** Through which it is asked. */
	address: pulumi.Input<string>;
	/** It runs, and Caddy before it. */
	dependsOn: pulumi.Resource[];
}

/**
 * Has Uptime Kuma watch and show what it should: administrator, monitors, notifications,
 * status page. Runs again when any of that changes, or the machine with its data.
 * What people made there themselves stays.
 */
export function setUptimeKuma(
	name: string,
	args: UptimeKumaStateArgs,
): local.Command {
	const { server, secrets, settings, hostnames } = args;
	const delivery = deliveryOf(settings);
	const desired = secrets.heartbeatToken.apply((databaseToken) =>
		desiredState({
			title: settings.domain,
			hostnames,
			databaseToken,
			uplinkPath: settings.ttn?.uplinkPath,
			mail: delivery,
			webhookUrl: delivery?.webhookUrl,
		}),
	);
	return new local.Command(
		name,
		{
			// Without an update of its own, it runs for that as well.
			create: "node --import tsx cutover/kuma.ts",
			stdin: secretJson({ at: kumaAt(args), desired }),
			addPreviousOutputInEnv: false,
		},
		{ dependsOn: args.dependsOn, ...within(server.manager.droplet) },
	);
}

/** As `withKuma` takes it. */
export function kumaAt({
	hostnames,
	address,
	secrets,
}: Pick<UptimeKumaStateArgs, "hostnames" | "address" | "secrets">) {
	return { hostname: hostnames.status, address, ...secrets.monitoring };
}
