import type { InboundRule } from "./types";

/**
 * Shell that gives a container the network of a machine at DigitalOcean: eth0 in
 * the public network, eth1 in the VPC, a firewall in front. Everything here may
 * run again without harm.
 */

/** DigitalOcean's side of the packet filter; nothing in a Droplet uses this name. */
const CHAIN = "DIGITALOCEAN";

export interface MachineNetwork {
	gateway: string;
	/** Address in the VPC with the VPC's prefix length, for instance 10.10.0.2/20. */
	privateAddress: string;
	/** Reserved IPs that point here. */
	reserved: Iterable<string>;
	inbound: InboundRule[] | null;
}

/** For a machine that has just started. */
export function bootNetworkScript(network: MachineNetwork): string {
	return [
		"set -e",
		// Debian's iptables speaks nf_tables, which not every kernel has.
		"iptables -w -t mangle -S >/dev/null 2>&1 || update-alternatives --set iptables /usr/sbin/iptables-legacy >/dev/null",
		firewallScript(network.inbound),
		// Docker has put an address of its own choice here, see createVpc.
		"ip address flush dev eth1",
		`ip address add ${network.privateAddress} dev eth1`,
		`ip route replace default via ${network.gateway} dev eth0`,
		// Docker's networks inside the machine assume 1500 bytes on the way out.
		"iptables -w -t mangle -A POSTROUTING -o eth0 -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
		...Array.from(network.reserved, addAddressScript),
	].join("\n");
}

/** Neighbours learn of the move at once by gratuitous ARP instead of after their cache's timeout. */
export function addAddressScript(ip: string): string {
	return `set -e
ip address replace ${ip}/32 dev eth0
arping -q -U -c 1 -w 1 -I eth0 ${ip} || true`;
}

export function removeAddressScript(ip: string): string {
	return `ip address delete ${ip}/32 dev eth0 2>/dev/null || true`;
}

/**
 * A stateful packet filter on both interfaces, as DigitalOcean's cloud firewalls
 * cover public and VPC traffic alike. It sits in mangle's PREROUTING, because a
 * port published by Docker is rewritten in nat's, right after. iptables-restore
 * replaces the chain in one step.
 */
export function firewallScript(inbound: InboundRule[] | null): string {
	const rules = inbound === null ? [] : closedExceptFor(inbound);
	return `set -e
iptables-restore -w --noflush <<'RULES'
*mangle
:${CHAIN} - [0:0]
${rules.map((rule) => `-A ${CHAIN} ${rule}\n`).join("")}COMMIT
RULES
for interface in eth0 eth1; do
	iptables -w -t mangle -C PREROUTING -i $interface -j ${CHAIN} 2>/dev/null ||
		iptables -w -t mangle -I PREROUTING -i $interface -j ${CHAIN}
done`;
}

function closedExceptFor(inbound: InboundRule[]): string[] {
	return [
		"-m conntrack --ctstate ESTABLISHED,RELATED -j RETURN",
		...inbound.flatMap(({ protocol, ports, sources }) =>
			sources.map(
				(source) =>
					`-s ${source} -p ${protocol}${destination(protocol, ports)} -j RETURN`,
			),
		),
		"-j DROP",
	];
}

function destination(protocol: InboundRule["protocol"], ports: string): string {
	if (protocol === "icmp" || ports === "all") return "";
	return ` --dport ${ports.replace("-", ":")}`;
}
