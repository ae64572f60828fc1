import { createHash } from "node:crypto";
import type { Mocks } from "@pulumi/pulumi/runtime/mocks";

/** What exists at DigitalOcean before the program runs. */
export interface Account {
	/** A records by relative name, in the stack's zone. */
	records?: Record<string, number>;
	/** Entries of this stack's last state: type and outputs by URN. */
	state?: Record<string, { type: string; outputs: Record<string, unknown> }>;
}

/**
 * Mocks that answer with values as the providers would, all of them fixed so
 * that a golden list can hold them.
 */
export function mocks(account: Account = {}): Mocks {
	let droplets = 0;
	return {
		newResource({ type, name, inputs, id }) {
			const state = { ...inputs };
			switch (type) {
				case "random:index/randomPassword:RandomPassword":
					state.result = `password-of-${name}`;
					state.bcryptHash = `hash-of-${name}`;
					break;
				case "random:index/randomId:RandomId":
					state.hex = `hex-of-${name}`;
					break;
				case "digitalocean:index/droplet:Droplet":
					droplets += 1;
					return {
						id: String(1000 + droplets),
						state: {
							...state,
							ipv4Address: `203.0.113.${100 + droplets}`,
							ipv4AddressPrivate: `10.100.0.${1 + droplets}`,
							dropletUrn: `do:droplet:${1000 + droplets}`,
						},
					};
				case "digitalocean:index/reservedIp:ReservedIp":
					state.ipAddress = "203.0.113.200";
					state.reservedIpUrn = "do:reservedip:203.0.113.200";
					break;
				case "digitalocean:index/sshKey:SshKey":
					state.fingerprint = "00:11:22";
					break;
				case "digitalocean:index/domain:Domain":
					state.domainUrn = `do:domain:${inputs.name}`;
					break;
				case "digitalocean:index/databaseCluster:DatabaseCluster":
					Object.assign(state, {
						privateHost: "private-db.example",
						host: "db.example",
						port: 25060,
						user: "doadmin",
						password: "password-of-doadmin",
						clusterUrn: "do:dbaas:1",
					});
					break;
				case "digitalocean:index/databaseUser:DatabaseUser":
					state.password = "password-of-app";
					break;
				case "command:local:Command":
				case "command:remote:Command":
					state.stdout =
						name === "certificates-issue"
							? "[]"
							: (digestOf(inputs.create) ?? `out of ${name}`);
					state.stderr = "";
					break;
				case "docker:index/secret:Secret":
				case "docker:index/serviceConfig:ServiceConfig":
					state.name ??= `${name}-1a2b3c4`;
					break;
			}
			return { id: id || `id-of-${name}`, state };
		},
		call({ token, inputs }) {
			const records = Object.entries(account.records ?? {});
			switch (token) {
				case "digitalocean:index/getDomains:getDomains":
					return {
						domains:
							records.length > 0 ? [{ name: inputs.filters[0].values[0] }] : [],
					};
				case "digitalocean:index/getRecords:getRecords":
					return {
						records: records.map(([name, id]) => ({ name, id, type: "A" })),
					};
				case "digitalocean:index/getDatabaseCa:getDatabaseCa":
					return { certificate: "PEM of the cluster's CA\n" };
				case "pulumi:pulumi:readStackResourceOutputs":
					return { outputs: account.state ?? {} };
				default:
					throw new Error(`no mock for ${token}`);
			}
		},
	};
}

/** A pulled image answers with a digest that its name gives. */
function digestOf(command: string): string | undefined {
	const image = /docker pull -q (\S+)/.exec(command)?.[1];
	if (!image) return undefined;
	const digest = createHash("sha256").update(image).digest("hex");
	return `${image.replace(/:[^:/]*$/, "")}@sha256:${digest}`;
}
