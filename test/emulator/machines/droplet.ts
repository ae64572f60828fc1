import type { ContainerSpec } from "./engine";
import { hostMtu } from "./public-network";
import type { DropletSpec, PublicNetwork } from "./types";

const IMAGE = "cutover/droplet:latest";
const MIB = 2 ** 20;

/**
 * All that sshd, cloud-init and a nested engine with its containers need. Not
 * `--privileged`: that asks for capabilities the machine itself may lack, such
 * as CAP_SYS_RESOURCE.
 */
const CAPABILITIES = [
	"AUDIT_CONTROL",
	"DAC_READ_SEARCH",
	"IPC_LOCK",
	"LEASE",
	"LINUX_IMMUTABLE",
	"NET_ADMIN",
	"NET_BROADCAST",
	"SYS_ADMIN",
	"SYS_NICE",
	"SYS_PTRACE",
	"SYS_TIME",
	"SYSLOG",
];

/** The container that a Droplet runs in. `volume` holds its Docker images and volumes. */
export function dropletContainer(
	spec: DropletSpec,
	place: Pick<ContainerSpec, "name" | "labels" | "network" | "address"> & {
		volume: string;
	},
): ContainerSpec {
	const { volume, ...container } = place;
	return {
		...container,
		image: IMAGE,
		hostname: spec.name,
		host: {
			CapAdd: CAPABILITIES,
			SecurityOpt: ["seccomp=unconfined", "apparmor=unconfined"],
			// What `--security-opt systempaths=unconfined` stands for.
			MaskedPaths: [],
			ReadonlyPaths: [],
			CgroupnsMode: "host",
			// overlayfs, which images are stored with, does not nest.
			Binds: ["/sys/fs/cgroup:/sys/fs/cgroup:rw", `${volume}:/var/lib/docker`],
			Tmpfs: { "/run": "rw,nosuid,nodev,exec,mode=755" },
			// The size's memory is the limit. Its processors are not: on a small
			// machine several Droplets share the same two.
			Memory: spec.memoryMb * MIB,
		},
	};
}

/** Shell that hands the machine what DigitalOcean's metadata service would. */
export function seedScript(spec: DropletSpec): string {
	const metadata = JSON.stringify({
		"instance-id": String(spec.id),
		"local-hostname": spec.name,
		"public-keys": spec.sshKeys,
	});
	return [
		"umask 077",
		"mkdir -p /var/lib/cloud/seed/nocloud-net",
		file("/var/lib/cloud/seed/nocloud-net/meta-data", metadata),
		file(
			"/var/lib/cloud/seed/nocloud-net/user-data",
			spec.userData ?? "#cloud-config\n{}\n",
		),
		"umask 022",
	].join("\n");
}

/**
 * Shell that ends the preparation of every boot and lets droplet-init go on, then
 * waits for sshd. What the emulator wants of the engine goes on its command
 * line, so that daemon.json belongs to the program alone.
 */
export function bootScript(options: {
	network: PublicNetwork;
	resolver: string;
	registryMirror?: string;
}): string {
	const { registryMirror } = options;
	const engine = [
		`--mtu ${hostMtu()}`,
		// Below this container's group, so that its memory limit holds for them.
		"--cgroup-parent $own_group",
		...(registryMirror
			? [
					`--registry-mirror http://${registryMirror}`,
					`--insecure-registry ${registryMirror}`,
				]
			: []),
	].join(" ");
	return `echo nameserver ${options.resolver} >/etc/resolv.conf
own_group=$(awk -F: '$2 ~ /(^|,)memory(,|$)/ || $1 == 0 { sub("/init$", "", $3); print $3; exit }' /proc/self/cgroup)
echo "DOCKER_OPTS='${engine}'" >/etc/default/docker
mkdir -p /run/droplet
touch /run/droplet/network-ready
tries=0
until grep -q "^ *[0-9]*: 00000000:0016 " /proc/net/tcp; do
	tries=$((tries + 1))
	[ $tries -lt 1200 ] || { echo "sshd did not listen within 60 s" >&2; exit 1; }
	sleep 0.05
done`;
}

/** base64, because user data may hold any byte. */
function file(path: string, content: string): string {
	return `base64 -d >${path} <<'END'\n${Buffer.from(content).toString("base64")}\nEND`;
}
