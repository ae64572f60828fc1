import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { shellQuote } from "../../cutover/shell";
import { caFile, type Database } from "../database";
import { connection } from "../remote";
import type { Server } from "../server";
import { backendEnvironment } from "../services/backend";
import type { Settings } from "../settings";

export interface SchemaArgs {
	server: Server;
	database: Database;
	settings: Settings;
	environment: string;
}

/**
 * Brings the target's schema to the release's: the backend's own migration
 * command, run before any service of that release starts and again with every
 * new image. It has to be idempotent.
 */
export function applySchema(
	name: string,
	{ server, database, settings, environment }: SchemaArgs,
): remote.Command {
	const { images, backend } = settings;
	const variables = Object.entries(
		backendEnvironment(environment, settings),
	).map(([key, value]) => `-e ${shellQuote(`${key}=${value}`)}`);
	const command = backend.migrate.map(shellQuote).join(" ");
	return new remote.Command(
		name,
		{
			connection: connection(server.manager.ssh),
			create: [
				"docker run --rm -i --network host --tmpfs /run/secrets:mode=1777",
				...[...variables, "--entrypoint /bin/sh", images.backend],
				`-c ${shellQuote(readSecrets)} sh ${command}`,
			].join(" "),
			stdin: pulumi.secret(
				pulumi.interpolate`${database.urlWithCaFile}\n${settings.stackAuthSecretServerKey}\n${database.ca}`,
			),
			logging: "stderr",
			addPreviousOutputInEnv: false,
		},
		{
			dependsOn: [server.engine, ...database.ready],
			deletedWith: server.manager.droplet,
		},
	);
}

/** Lines of standard input: database URL, server key, then the CA's PEM. */
const readSecrets = [
	"set -e",
	"IFS= read -r DATABASE_URL",
	"IFS= read -r STACK_AUTH_SECRET_SERVER_KEY",
	"export DATABASE_URL STACK_AUTH_SECRET_SERVER_KEY",
	`cat >${caFile}`,
	'exec "$@"',
].join("; ");
