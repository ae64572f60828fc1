import type * as pulumi from "@pulumi/pulumi";
import type { Hostnames } from "../caddy/caddyfile";
import type { Database } from "./database";
import type { Ladder } from "./ladder";
import type { Network } from "./network";
import type { Secrets } from "./secrets";
import type { Server } from "./server";
import type { Settings } from "./settings";

export interface OutputsArgs {
	settings: Settings;
	hostnames: Hostnames;
	network: Network;
	server: Server;
	database: Database;
	secrets: Secrets;
	/** The address that the names answer now. */
	dnsAnswer: pulumi.Input<string>;
	release: string;
	ladder: Ladder;
}

/** What the stack tells the ladder, the checks and people about itself. */
export function stackOutputs(args: OutputsArgs) {
	const { settings, hostnames, network, server, database, secrets } = args;
	const { sync, freeze, dnsSwitch, finalize } = settings;
	return {
		domain: settings.domain,
		hostnames,
		urls: {
			site: `https://${hostnames.site}`,
			api: `https://${hostnames.api}`,
			monitoring: `https://${hostnames.monitoring}`,
			status: `https://${hostnames.status}`,
		},
		legacyAddress: settings.legacyAddress,
		reservedIp: network.reservedIp,
		dnsAnswer: args.dnsAnswer,
		dropletAddresses: server.addresses,
		ssh: { ...server.manager.ssh },
		database: {
			host: database.host,
			port: database.port,
			name: database.name,
			user: database.user,
			url: database.url,
			ca: database.ca,
		},
		monitoring: { ...secrets.monitoring },
		flags: { sync, freeze, dnsSwitch, finalize },
		images: settings.images,
		migration: settings.migration,
		release: args.release,
		...args.ladder,
	};
}
