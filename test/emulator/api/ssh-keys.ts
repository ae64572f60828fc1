import { createHash } from "node:crypto";
import { z } from "zod";
import type { Context } from "../context";
import type { SshKey, State } from "../state";
import { notFound, unprocessable } from "./errors";
import { paginate } from "./pagination";
import { type Route, route } from "./router";
import * as shape from "./shapes";

const item = "/v2/account/keys/{ssh_key_identifier}";

export function sshKeyRoutes({ state, ids }: Context): Route[] {
	return [
		route({
			method: "GET",
			path: "/v2/account/keys",
			status: 200,
			answer: shape.list("ssh_keys", shape.sshKey),
			handle: (call) =>
				paginate(call, "ssh_keys", state.sshKeys.values(), view),
		}),
		route({
			method: "POST",
			path: "/v2/account/keys",
			status: 201,
			request: z.object({
				name: z.string().min(1),
				public_key: z.string().min(1),
			}),
			answer: shape.one("ssh_key", shape.sshKey),
			handle: ({ body }) => {
				const publicKey = body.public_key.trim();
				const fingerprint = fingerprintOf(publicKey);
				for (const key of state.sshKeys.values())
					if (key.fingerprint === fingerprint)
						throw unprocessable("SSH Key is already in use on your account");
				const key = {
					id: ids.number(),
					name: body.name,
					publicKey,
					fingerprint,
				};
				state.sshKeys.set(key.id, key);
				return { ssh_key: view(key) };
			},
		}),
		route({
			method: "GET",
			path: item,
			status: 200,
			answer: shape.one("ssh_key", shape.sshKey),
			handle: (call) => ({
				ssh_key: view(find(state, call.params.ssh_key_identifier)),
			}),
		}),
		route({
			method: "PUT",
			path: item,
			status: 200,
			request: z.object({ name: z.string().min(1) }),
			answer: shape.one("ssh_key", shape.sshKey),
			handle: (call) => {
				const key = find(state, call.params.ssh_key_identifier);
				key.name = call.body.name;
				return { ssh_key: view(key) };
			},
		}),
		route({
			method: "DELETE",
			path: item,
			status: 204,
			handle: (call) => {
				state.sshKeys.delete(find(state, call.params.ssh_key_identifier).id);
			},
		}),
	];
}

/** The key with this number or fingerprint, as Droplet requests name them. */
export function findSshKey(
	state: State,
	identifier: string | number,
): SshKey | undefined {
	for (const key of state.sshKeys.values())
		if (key.fingerprint === identifier || String(key.id) === String(identifier))
			return key;
	return undefined;
}

function find(state: State, identifier = ""): SshKey {
	const key = findSshKey(state, identifier);
	if (!key) throw notFound();
	return key;
}

/** MD5 of the key's wire form (RFC 4716 section 4), in the form DigitalOcean shows. */
function fingerprintOf(publicKey: string): string {
	const [kind, encoded] = publicKey.split(/\s+/);
	const wire = Buffer.from(encoded ?? "", "base64");
	const named = wire.length > 4 ? wire.readUInt32BE(0) : 0;
	if (wire.subarray(4, 4 + named).toString() !== kind || named === 0)
		throw unprocessable(
			"Key invalid, key should be a valid OpenSSH public key",
		);
	const digest = createHash("md5").update(wire).digest("hex");
	return (digest.match(/../g) ?? []).join(":");
}

const view = (key: SshKey) => ({
	id: key.id,
	fingerprint: key.fingerprint,
	public_key: key.publicKey,
	name: key.name,
});
