import { stringify } from "yaml";
import type { KeyPair } from "./keys";
import { metricsFolder } from "./services/node-exporter";

export interface CloudInitArgs {
	/** The machine's own host key, so that it can be pinned before it exists. */
	hostKey: KeyPair;
	/** The first machine starts the Swarm; the others are joined to it. */
	manager: boolean;
}

/**
 * The engine's settings. Logs rotate, because the default never does.
 * docs.docker.com/engine/daemon
 */
const daemon = {
	"log-driver": "json-file",
	"log-opts": { "max-size": "10m", "max-file": "5" },
};

/**
 * sshd reads drop-ins first, so these win over its own file. Pulumi's Docker
 * provider opens one connection for each request; with the default MaxStartups
 * of 10 sshd drops some of them.
 */
const sshd = [
	"PermitRootLogin prohibit-password",
	"PasswordAuthentication no",
	"KbdInteractiveAuthentication no",
	"X11Forwarding no",
	"AllowAgentForwarding no",
	"MaxAuthTries 3",
	"LoginGraceTime 20",
	"MaxStartups 100:30:200",
	"MaxSessions 100",
];

const automaticUpgrades = [
	'APT::Periodic::Update-Package-Lists "1";',
	'APT::Periodic::Unattended-Upgrade "1";',
];

/**
 * The user data of a Droplet: engine, Swarm, pinned host key, hardened sshd,
 * unattended upgrades. cloud-init acts on it at the first boot only, and
 * DigitalOcean replaces a Droplet whose user data changes: every edit of this
 * text costs a new machine.
 */
export function cloudInit({ hostKey, manager }: CloudInitArgs): string {
	const config = {
		disable_root: false,
		ssh_pwauth: false,
		ssh_deletekeys: true,
		ssh_keys: {
			ed25519_private: hostKey.privateKey,
			ed25519_public: hostKey.publicKey,
		},
		// Written before sshd and the engine start, so neither needs a restart.
		write_files: [
			file("/etc/docker/daemon.json", JSON.stringify(daemon, null, 2)),
			file("/etc/ssh/sshd_config.d/10-cutover.conf", sshd.join("\n")),
			file("/etc/apt/apt.conf.d/20auto-upgrades", automaticUpgrades.join("\n")),
		],
		package_update: true,
		packages: [
			"curl",
			"docker.io",
			"iptables",
			"postgresql-client",
			"unattended-upgrades",
		],
		runcmd: [
			["systemctl", "enable", "--now", "docker"],
			["install", "-d", "-m", "0700", "/var/lib/caddy", "/var/lib/cutover"],
			// Read by a service that is not root; only this folder is mounted there.
			["install", "-d", "-m", "0755", metricsFolder],
			// eth1 is the VPC's interface on every Droplet.
			...(manager ? [swarmInit] : []),
		],
	};
	return `#cloud-config\n${stringify(config, { lineWidth: 0 })}`;
}

const swarmInit = [
	...["docker", "swarm", "init"],
	...["--advertise-addr", "eth1", "--listen-addr", "eth1:2377"],
];

function file(path: string, text: string) {
	return {
		path,
		permissions: "0644",
		owner: "root:root",
		content: `${text}\n`,
	};
}
