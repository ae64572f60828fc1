import type { SshKeyArgs } from "@pulumi/digitalocean";
import type { Unwrap } from "@pulumi/pulumi";
import { typed } from "../base/typed";
import { during } from "./api";
import { api } from "./client";

type Args = Unwrap<SshKeyArgs>;

/** An account's key as the API describes it. */
export interface SshKey {
	id: number;
	name: string;
	public_key: string;
	fingerprint: string;
}

function outputs(key: SshKey) {
	return {
		name: key.name,
		publicKey: key.public_key,
		fingerprint: key.fingerprint,
	};
}

type State = ReturnType<typeof outputs>;

/** `digitalocean:index/sshKey:SshKey` */
export const sshKey = typed<Args, State>({
	same: (path, before, after) =>
		path === "publicKey" && String(before).trim() === String(after).trim(),
	async create(args) {
		const { ssh_key: key } = await during(
			"Error creating SSH Key",
			api().request<{ ssh_key: SshKey }>("POST", "/v2/account/keys", {
				name: args.name,
				public_key: args.publicKey,
			}),
		);
		return { id: String(key.id), outputs: outputs(key) };
	},
	async read(id) {
		const found = await during(
			"Error retrieving SSH key",
			api().find<{ ssh_key: SshKey }>(`/v2/account/keys/${id}`),
		);
		return found && { id, outputs: outputs(found.ssh_key) };
	},
	async update(id, _olds, news) {
		const { ssh_key: key } = await during(
			"Failed to update SSH key",
			api().request<{ ssh_key: SshKey }>("PUT", `/v2/account/keys/${id}`, {
				name: news.name,
			}),
		);
		return outputs(key);
	},
	async delete(id) {
		await during(
			"Error deleting SSH key",
			api().request("DELETE", `/v2/account/keys/${id}`),
		);
	},
});
