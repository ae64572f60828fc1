import { dirname } from "node:path";
import type { ContainerSpec } from "./engine";
import { hostMtu } from "./public-network";
import type { DropletAddresses, DropletSpec, PublicNetwork } from "./types";

const IMAGE = "cutover/droplet:latest";
const MIB = 2 ** 20;

/**
 * What a nested engine with its containers needs. Not `--privileged`: that asks
 * for capabilities the machine itself may lack, such as CAP_SYS_RESOURCE.
 */
export const NESTED_ENGINE_CAPABILITIES = [
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
	"SYSLOG",
];

/** What all Droplets of an emulator share. */
export interface DropletSite {
	network: PublicNetwork;
	/** Address of the DNS server. */
	resolver: string;
	/** ADDRESS:PORT of the registry that mirrors Docker Hub. */
	registryMirror?: string;
}

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
			// What sshd and cloud-init need besides.
			CapAdd: [...NESTED_ENGINE_CAPABILITIES, "SYS_TIME"],
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

/** Shell for the first boot: what cloud-init finds on a Droplet, user data unchanged. */
export function seedScript(spec: DropletSpec): string {
	const metadata = JSON.stringify({
		"instance-id": String(spec.id),
		"local-hostname": spec.name,
		"public-keys": spec.sshKeys,
	});
	return [
		"umask 077",
		file("/var/lib/cloud/seed/nocloud-net/meta-data", metadata),
		file(
			"/var/lib/cloud/seed/nocloud-net/user-data",
			spec.userData ?? "#cloud-config\n{}\n",
		),
		"umask 022",
	].join("\n");
}

/**
 * Shell for the end of every boot's preparation: it lets droplet-init go on, then
 * waits for sshd. What the emulator wants of the engine goes on its command
 * line, so that daemon.json belongs to the program alone.
 */
export function bootScript(
	spec: DropletSpec,
	addresses: DropletAddresses,
	site: DropletSite,
): string {
	const { registryMirror } = site;
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
	return [
		`echo nameserver ${site.resolver} >/etc/resolv.conf`,
		`own_group=$(awk -F: '$2 ~ /(^|,)memory(,|$)/ || $1 == 0 { sub("/init$", "", $3); print $3; exit }' /proc/self/cgroup)`,
		`echo "DOCKER_OPTS='${engine}'" >/etc/default/docker`,
		...metadataFiles(spec, addresses, site).map(([path, content]) =>
			file(`/run/droplet/metadata/metadata/${path}`, content),
		),
		"touch /run/droplet/network-ready",
		WAIT_FOR_SSHD,
	].join("\n");
}

/** Port 22 in the kernel's list of listening sockets: no firewall is in the way of that. */
const WAIT_FOR_SSHD = `tries=0
until grep -q "^ *[0-9]*: 00000000:0016 " /proc/net/tcp; do
	tries=$((tries + 1))
	[ $tries -lt 1200 ] || { echo "sshd did not listen within 60 s" >&2; exit 1; }
	sleep 0.05
done`;

/**
 * A part of DigitalOcean's metadata service, by path below
 * http://169.254.169.254/metadata/
 * (docs.digitalocean.com/reference/api/metadata).
 */
function metadataFiles(
	spec: DropletSpec,
	{ publicIp, privateIp }: DropletAddresses,
	{ network, resolver }: DropletSite,
): [path: string, content: string][] {
	const json = {
		droplet_id: spec.id,
		hostname: spec.name,
		public_keys: spec.sshKeys,
		interfaces: {
			public: [
				{
					ipv4: { ip_address: publicIp, gateway: network.gateway },
					type: "public",
				},
			],
			private: [{ ipv4: { ip_address: privateIp }, type: "private" }],
		},
		dns: { nameservers: [resolver] },
	};
	return [
		["v1.json", JSON.stringify(json)],
		["v1/id", String(spec.id)],
		["v1/hostname", spec.name],
		["v1/public-keys", spec.sshKeys.join("\n")],
		["v1/interfaces/public/0/ipv4/address", publicIp],
		["v1/interfaces/public/0/ipv4/gateway", network.gateway],
		["v1/interfaces/private/0/ipv4/address", privateIp],
		["v1/dns/nameservers", resolver],
	];
}

/** base64, because user data may hold any byte. */
function file(path: string, content: string): string {
	return `mkdir -p ${dirname(path)}\nbase64 -d >${path} <<'END'\n${Buffer.from(content).toString("base64")}\nEND`;
}
