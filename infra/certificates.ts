import { local, remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { StorageFile } from "../caddy/storage";
import { connection, keepOutput, secretJson, within } from "./remote";
import type { Server } from "./server";
import { caddyStorage } from "./services/caddy";
import type { Settings } from "./settings";

export interface CertificatesArgs {
	server: Server;
	zone: pulumi.Output<string>;
	hostnames: string[];
	settings: Settings;
}

/**
 * Certificates before the switch: issued by DNS-01 while the old system still
 * serves, and laid into Caddy's storage, from where Caddy renews them on its
 * own. Other names or another authority issue anew; nothing else does, because
 * public authorities limit how often.
 */
export class Certificates extends pulumi.ComponentResource {
	/** Settles when the files are in Caddy's storage. */
	readonly seeded: remote.Command;

	constructor(
		name: string,
		args: CertificatesArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Certificates", name, {}, opts);
		const { hostnames } = args;
		const { acme, acmeCa, apiEnvironment } = args.settings;
		const issued = new local.Command(
			`${name}-issue`,
			{
				create: "node --import tsx caddy/certificates.ts",
				update: keepOutput,
				stdin: secretJson({
					zone: args.zone,
					hostnames,
					directory: acme.directory,
					email: acme.email,
					...(acmeCa ? { ca: acmeCa } : {}),
				}),
				environment: apiEnvironment,
				triggers: [acme.directory, ...hostnames],
				logging: "none",
				addPreviousOutputInEnv: true,
			},
			{ parent: this, additionalSecretOutputs: ["stdout"] },
		);
		this.seeded = new remote.Command(
			`${name}-seed`,
			{
				connection: connection(args.server.manager.ssh),
				create: seedScript,
				stdin: pulumi.secret(issued.stdout.apply(seedLines)),
				logging: "none",
				addPreviousOutputInEnv: false,
			},
			{
				parent: this,
				dependsOn: [args.server.engine],
				...within(args.server.manager.droplet),
			},
		);
		this.registerOutputs({});
	}
}

/** What the seed's script reads: one line a file, its path and its content in base64. */
export function seedLines(json: string): string {
	return (JSON.parse(json) as StorageFile[])
		.map(
			({ path, content }) =>
				`${path} ${Buffer.from(content).toString("base64")}\n`,
		)
		.join("");
}

/** What is there stays: Caddy may have renewed it since. */
export const seedScript = [
	"set -e; umask 077",
	"while read -r path content; do",
	`file=${caddyStorage}/$path; [ -s "$file" ] && continue`,
	'mkdir -p "$(dirname "$file")"',
	'printf %s "$content" | base64 -d >"$file.new"; mv "$file.new" "$file"',
	"done",
].join("\n");
