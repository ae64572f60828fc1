import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";

/**
 * Refuses an endpoint that is not this machine's own: stand-ins must never
 * reach for real accounts and real machines. Its own are loopback and the
 * networks of its interfaces, but for the one with the default route, which
 * leads out.
 *
 * @param host name or address, as in a URL
 * @param what names the endpoint in the message: "the DigitalOcean API"
 * @throws Error that says what was expected, found, and what to do
 */
export async function requireLocal(host: string, what: string): Promise<void> {
	const bare = host.replace(/^\[|\]$/g, "");
	const addresses = isIP(bare)
		? [bare]
		: (await lookup(bare, { all: true })).map(({ address }) => address);
	const local = localNetworks();
	const foreign = addresses.find((address) => !contains(local, address));
	if (addresses.length === 0 || foreign !== undefined) {
		throw new Error(
			`expected ${what} at an address of this machine (loopback, or one of its own container networks)\n` +
				`   found ${host}${foreign && foreign !== bare ? ` (${foreign})` : ""}\n` +
				"   to do point it at the emulator, or use the official plugin in place of this stand-in",
		);
	}
}

function contains(networks: BlockList, address: string): boolean {
	return networks.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

function localNetworks(): BlockList {
	const networks = new BlockList();
	networks.addSubnet("127.0.0.0", 8, "ipv4");
	networks.addAddress("::1", "ipv6");
	const leadsOut = defaultRouteInterfaces();
	for (const [name, addresses] of Object.entries(networkInterfaces())) {
		if (leadsOut.has(name)) {
			continue;
		}
		for (const { address, cidr, family } of addresses ?? []) {
			const prefix = Number(cidr?.split("/")[1]);
			if (Number.isInteger(prefix)) {
				networks.addSubnet(
					address,
					prefix,
					family === "IPv6" ? "ipv6" : "ipv4",
				);
			}
		}
	}
	return networks;
}

/** Interfaces of default routes by the kernel's tables (proc(5), net/route). */
function defaultRouteInterfaces(): Set<string> {
	const rows = (file: string) => {
		try {
			return readFileSync(file, "utf8")
				.split("\n")
				.map((line) => line.trim().split(/\s+/));
		} catch {
			return [];
		}
	};
	const ipv4 = rows("/proc/net/route")
		.filter((row) => row[1] === "00000000" && row[7] === "00000000")
		.map((row) => row[0] ?? "");
	const ipv6 = rows("/proc/net/ipv6_route")
		.filter((row) => row[0] === "0".repeat(32) && row[1] === "00")
		.map((row) => row[9] ?? "")
		.filter((name) => name !== "lo");
	return new Set([...ipv4, ...ipv6]);
}
