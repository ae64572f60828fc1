import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { NESTED_ENGINE_CAPABILITIES } from "../../emulator/machines/droplet";
import { generateKey } from "../../ssh-key";

const run = promisify(execFile);

/** The image of the emulator's Droplets: sshd and dockerd on Debian. */
const IMAGE = "cutover/droplet:latest";

const START = [
	"mkdir -p /run/sshd /root/.ssh",
	'echo "$KEY" >/root/.ssh/authorized_keys',
	"chmod 600 /root/.ssh/authorized_keys",
	"ssh-keygen -A",
	"/usr/sbin/sshd",
	// As systemd has it, and a service's mount that follows the machine's needs it.
	"mount --make-rshared /",
	"exec dockerd --mtu 1400",
].join(" && ");

/** A Docker engine in a container, a Swarm of its own, reached over ssh. */
export class NestedEngine {
	private constructor(
		private readonly name: string,
		private readonly folder: string,
		/** For the provider's `host`. */
		readonly host: string,
		/** For the provider's `sshOpts`. */
		readonly sshOpts: string[],
	) {}

	/**
	 * Starts it and loads one image of the outer engine.
	 *
	 * @param image to be there for services
	 */
	static async start(image: string): Promise<NestedEngine> {
		const name = `plugins-test-${randomBytes(4).toString("hex")}`;
		const folder = mkdtempSync(join(tmpdir(), "nested-engine-"));
		const key = generateKey();
		writeFileSync(join(folder, "key"), key.private, { mode: 0o600 });
		await run("docker", [
			...["run", "-d", "--name", name, "--entrypoint", "/usr/bin/tini"],
			...NESTED_ENGINE_CAPABILITIES.flatMap((capability) => [
				"--cap-add",
				capability,
			]),
			...["seccomp=unconfined", "apparmor=unconfined"].flatMap((option) => [
				"--security-opt",
				option,
			]),
			...["--security-opt", "systempaths=unconfined", "--cgroupns", "host"],
			...["-v", "/sys/fs/cgroup:/sys/fs/cgroup:rw"],
			...["-v", `${name}:/var/lib/docker`],
			...["--tmpfs", "/run:rw,nosuid,nodev,exec,mode=755"],
			...["-e", `KEY=${key.public}`, IMAGE, "--", "sh", "-c", START],
		]);
		const inside = (...command: string[]) =>
			run("docker", ["exec", name, ...command]);
		await whenReady(() => inside("docker", "info"));
		const { stdout: address } = await run("docker", [
			...["inspect", "-f", "{{.NetworkSettings.IPAddress}}", name],
		]);
		const ip = address.trim();
		const { stdout: hostKey } = await inside(
			"cat",
			"/etc/ssh/ssh_host_ed25519_key.pub",
		);
		const knownHosts = join(folder, "known_hosts");
		writeFileSync(
			knownHosts,
			`${ip} ${hostKey.split(" ").slice(0, 2).join(" ")}\n`,
		);
		await inside("docker", "swarm", "init", "--advertise-addr", ip);
		await load(name, image);
		return new NestedEngine(name, folder, `ssh://root@${ip}:22`, [
			...["-i", join(folder, "key"), "-o", "IdentitiesOnly=yes"],
			...["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"],
			...["-o", `UserKnownHostsFile=${knownHosts}`],
		]);
	}

	/** Runs docker in it. */
	async docker(...args: string[]): Promise<string> {
		const { stdout } = await run("docker", [
			...["exec", this.name, "docker"],
			...args,
		]);
		return stdout.trim();
	}

	async close(): Promise<void> {
		await run("docker", ["rm", "-f", "-v", this.name]);
		await run("docker", ["volume", "rm", "-f", this.name]);
		rmSync(this.folder, { recursive: true, force: true });
	}
}

async function whenReady(ask: () => Promise<unknown>): Promise<void> {
	const deadline = Date.now() + 120_000;
	for (;;) {
		try {
			await ask();
			return;
		} catch (error) {
			if (Date.now() > deadline) {
				throw error;
			}
			await delay(500);
		}
	}
}

async function load(name: string, image: string): Promise<void> {
	const save = spawn("docker", ["save", image], {
		stdio: ["ignore", "pipe", "inherit"],
	});
	const into = spawn("docker", ["exec", "-i", name, "docker", "load"], {
		stdio: [save.stdout, "ignore", "inherit"],
	});
	const [code] = await once(into, "exit");
	if (code !== 0) {
		throw new Error(`docker load of ${image} ended with exit code ${code}`);
	}
}
