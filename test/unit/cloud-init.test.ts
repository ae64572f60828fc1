import assert from "node:assert/strict";
import { parse } from "yaml";
import { cloudInit } from "../../infra/cloud-init";
import { keyPair } from "../../infra/keys";

const hostKey = keyPair(Buffer.alloc(32, 1));

interface CloudConfig {
	ssh_pwauth: boolean;
	ssh_keys: Record<string, string>;
	packages: string[];
	write_files: { path: string; content: string }[];
	runcmd: string[][];
}

function config(manager: boolean): CloudConfig {
	const text = cloudInit({ hostKey, manager });
	assert.match(text, /^#cloud-config\n/);
	return parse(text) as CloudConfig;
}

describe("cloud-init", () => {
	it("sets the pinned host key, byte for byte", () => {
		const { ssh_keys } = config(true);
		assert.equal(ssh_keys.ed25519_private, hostKey.privateKey);
		assert.equal(ssh_keys.ed25519_public, hostKey.publicKey);
	});

	it("starts the Swarm on the manager alone, on the private network", () => {
		const init = (manager: boolean) =>
			config(manager).runcmd.find((words) => words.includes("swarm"));
		assert.deepEqual(init(true)?.slice(3, 5), ["--advertise-addr", "eth1"]);
		assert.equal(init(false), undefined);
	});

	it("lets nobody in by password", () => {
		const { ssh_pwauth, write_files } = config(true);
		assert.equal(ssh_pwauth, false);
		const sshd = write_files.find(({ path }) => path.includes("sshd_config.d"));
		assert.match(sshd?.content ?? "", /^PasswordAuthentication no$/m);
	});

	it("rotates container logs and upgrades by itself", () => {
		const { packages, write_files } = config(true);
		assert.ok(packages.includes("unattended-upgrades"));
		const daemon = write_files.find(({ path }) => path.endsWith("daemon.json"));
		assert.equal(
			JSON.parse(daemon?.content ?? "")["log-opts"]["max-size"],
			"10m",
		);
	});

	it("fits into a Droplet's 64 KiB of user data", () => {
		assert.ok(cloudInit({ hostKey, manager: true }).length < 64 * 1024);
	});
});
