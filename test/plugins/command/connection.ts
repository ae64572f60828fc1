import { setTimeout as delay } from "node:timers/promises";
import type { types } from "@pulumi/command";
import type { Unwrap } from "@pulumi/pulumi";
import { Client, type ConnectConfig, utils } from "ssh2";
import { requireLocal } from "../base/local-endpoint";

export type Connection = Unwrap<types.input.remote.ConnectionArgs>;
type Endpoint = Omit<Connection, "proxy">;

/** Defaults of the official plugin (pulumi-command, remote/connection.go). */
const DEFAULTS = {
	user: "root",
	port: 22,
	dialErrorLimit: 10,
	perDialTimeout: 15,
};
/** Between two dials; grows by half each time, as the SDK's retry.Until. */
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5_000;
const UNLIMITED = -1;

interface Dial {
	signal: AbortSignal;
	progress: (line: string) => void;
}

/**
 * Logs in to a remote machine, through its proxy where it has one, and tries
 * again as often as the connection says.
 *
 * @throws Error when the attempts are used up, or for a key that cannot be read
 */
export async function dial(
	connection: Connection,
	options: Dial,
): Promise<Client> {
	const { proxy, ...endpoint } = connection;
	if (proxy === undefined) {
		await requireLocal(endpoint.host, "the remote command's host");
		const config = clientConfig(endpoint);
		return retry("Dial", endpoint, options, () => login(config));
	}
	await requireLocal(proxy.host, "the remote command's proxy");
	const proxyConfig = clientConfig(proxy);
	const through = await retry("Dial proxy", proxy, options, () =>
		login(proxyConfig),
	);
	const config = clientConfig(endpoint);
	const client = await retry("Dial from proxy", endpoint, options, async () =>
		login({ ...config, sock: await forward(through, endpoint) }),
	);
	client.on("close", () => through.end());
	return client;
}

function clientConfig(endpoint: Endpoint): ConnectConfig {
	const timeout = endpoint.perDialTimeout ?? DEFAULTS.perDialTimeout;
	const agent = endpoint.agentSocketPath ?? process.env.SSH_AUTH_SOCK;
	return {
		host: endpoint.host,
		port: endpoint.port ?? DEFAULTS.port,
		username: endpoint.user ?? DEFAULTS.user,
		readyTimeout: timeout * 1_000,
		...(endpoint.privateKey ? { privateKey: endpoint.privateKey } : {}),
		...(endpoint.privateKeyPassword
			? { passphrase: endpoint.privateKeyPassword }
			: {}),
		...(endpoint.password ? { password: endpoint.password } : {}),
		...(agent ? { agent } : {}),
		...hostKeyConfig(endpoint.hostKey),
	};
}

/** Admits the one host key given; without one, any. */
function hostKeyConfig(
	hostKey: string | undefined,
): Pick<ConnectConfig, "hostVerifier" | "algorithms"> {
	if (!hostKey) {
		return { hostVerifier: () => true };
	}
	const parsed = utils.parseKey(hostKey);
	if (parsed instanceof Error) {
		throw new Error(`failed to parse host key: ${parsed.message}`);
	}
	const expected = parsed.getPublicSSH();
	return {
		hostVerifier: (offered: Buffer) => offered.equals(expected),
		algorithms: {
			serverHostKey:
				parsed.type === "ssh-rsa"
					? ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"]
					: [parsed.type as "ssh-ed25519"],
		},
	};
}

function login(config: ConnectConfig): Promise<Client> {
	return new Promise((resolve, reject) => {
		const client = new Client();
		client.once("ready", () => {
			client.removeListener("error", reject);
			// What breaks later shows at the channel that was open.
			client.on("error", () => {});
			resolve(client);
		});
		client.once("error", reject);
		client.connect(config);
	});
}

function forward(
	through: Client,
	endpoint: Endpoint,
): Promise<NonNullable<ConnectConfig["sock"]>> {
	return new Promise((resolve, reject) => {
		through.forwardOut(
			"127.0.0.1",
			0,
			endpoint.host,
			endpoint.port ?? DEFAULTS.port,
			(error, channel) => (error ? reject(error) : resolve(channel)),
		);
	});
}

async function retry(
	what: string,
	endpoint: Endpoint,
	{ signal, progress }: Dial,
	connect: () => Promise<Client>,
): Promise<Client> {
	const limit = endpoint.dialErrorLimit ?? DEFAULTS.dialErrorLimit;
	let wait = FIRST_DELAY_MS;
	for (let failed = 0; ; failed++) {
		signal.throwIfAborted();
		try {
			return await connect();
		} catch (error) {
			if (limit > UNLIMITED && failed + 1 > limit) {
				throw new Error(
					`after ${failed} failed attempts: ${error instanceof Error ? error.message : error}`,
				);
			}
			progress(
				`${what} ${failed + 1}/${limit === UNLIMITED ? "inf" : limit} failed: retrying`,
			);
			await delay(wait, undefined, { signal });
			wait = Math.min(wait * 1.5, MAX_DELAY_MS);
		}
	}
}
