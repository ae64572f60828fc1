import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Server } from "./server";

/**
 * The Docker provider of the manager's engine, over ssh. Its host comes from
 * the command that waited for the engine, so it is unknown while there is no
 * machine and preview makes no connection.
 *
 * The provider runs the system's ssh, which reads keys from files only. They
 * stand under .ssh/STACK, ignored by git and readable by the owner; the paths
 * are relative so that no machine's folders appear in the state.
 */
export function dockerHost(
	name: string,
	stack: string,
	server: Server,
	opts: pulumi.ResourceOptions,
): docker.Provider {
	const { ssh } = server.manager;
	const folder = join(".ssh", stack);
	const files = pulumi
		.all([ssh.host, ssh.hostKey, ssh.privateKey])
		.apply(([host, hostKey, privateKey]) => {
			mkdirSync(folder, { recursive: true, mode: 0o700 });
			write(join(folder, "id_ed25519"), privateKey);
			write(join(folder, "known_hosts"), `${host} ${hostKey}\n`);
			return host;
		});
	const host = pulumi
		.all([files, server.engine.stdout])
		.apply(([address]) => `ssh://${ssh.user}@${address}:22`);
	return new docker.Provider(
		name,
		{
			// An address is no secret, although it waited for one to be written.
			host: pulumi.unsecret(host),
			// A dead machine must not stop a destroy before it begins.
			disableDockerDaemonCheck: true,
			sshOpts: [
				...["-i", join(folder, "id_ed25519")],
				...["-o", "IdentitiesOnly=yes"],
				...["-o", "BatchMode=yes"],
				...["-o", "StrictHostKeyChecking=yes"],
				...["-o", `UserKnownHostsFile=${join(folder, "known_hosts")}`],
			],
		},
		opts,
	);
}

/** The mode holds from the first byte, also where the file was there before. */
function write(path: string, text: string): void {
	writeFileSync(path, text, { mode: 0o600 });
	chmodSync(path, 0o600);
}
