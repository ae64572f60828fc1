import type { SshTarget } from "../../cutover/ssh";
import {
	type ServerOptions,
	startSshServer,
} from "../plugins/support/ssh-server";
import { generateKey } from "../ssh-key";

/** An ssh server of its own on loopback, as the commands are told of a Droplet. */
export async function startSshTarget(
	options: Omit<ServerOptions, "accepts"> = {},
): Promise<{ ssh: SshTarget; close(): Promise<void> }> {
	const client = generateKey();
	const server = await startSshServer(client.public, {
		accepts: [],
		...options,
	});
	return {
		ssh: {
			user: "root",
			host: "127.0.0.1",
			port: server.port,
			hostKey: server.hostKey,
			privateKey: client.private,
		},
		close: () => server.close(),
	};
}
