import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { UserError } from "../../../cutover/errors";
import { formatAddress, overlaps, parseCidr } from "../addresses";
import { type Engine, hasStatus } from "./engine";
import type { Owner } from "./owner";
import { reachedAddresses } from "./reached";
import type { PublicNetwork } from "./types";

/**
 * Blocks that no host of the Internet has: documentation (RFC 5737), then
 * benchmarking (RFC 2544).
 */
const CANDIDATES = [
	"203.0.113.0/24",
	"198.51.100.0/24",
	...Array.from({ length: 20 }, (_, n) => `198.18.${n}.0/24`),
];

/**
 * Creates the bridge network that stands for the Internet, on the first
 * candidate that is free. Containers with fixed addresses sit below .240, so the
 * engine gives out only what lies above.
 */
export async function createPublicNetwork(
	engine: Engine,
	owner: Owner,
): Promise<PublicNetwork> {
	const name = owner.name("public");
	const reached = await reachedAddresses();
	for (const subnet of CANDIDATES) {
		if (isHosts(subnet) || reached.some((ip) => holds(subnet, ip))) continue;
		const base = addressOf(subnet);
		const gateway = formatAddress(base + 1);
		try {
			await engine.createNetwork({
				name,
				labels: owner.labels,
				mtu: hostMtu(),
				subnet,
				gateway,
				automaticRange: `${formatAddress(base + 240)}/28`,
			});
			return { subnet, gateway, name };
		} catch (error) {
			// The block overlaps with a network of the engine.
			if (!hasStatus(error, 403)) throw error;
		}
	}
	throw new UserError({
		expected: `one of ${CANDIDATES.length} address blocks free for the emulator's network`,
		found: "all of them in use by this machine's or Docker's networks",
		fix: "stop other emulators, or remove their networks: docker network prune",
	});
}

/** The most that a packet may measure on this host's way out; containers' packets must fit. */
export function hostMtu(): number {
	try {
		const [, device] =
			/^(\S+)\t00000000\t/m.exec(readFileSync("/proc/net/route", "utf8")) ?? [];
		return Number(readFileSync(`/sys/class/net/${device}/mtu`, "utf8"));
	} catch {
		// Not Linux, or no default route.
		return 1500;
	}
}

function addressOf(subnet: string): number {
	return parseCidr(subnet)?.first ?? 0;
}

function holds(subnet: string, address: string): boolean {
	const block = parseCidr(subnet);
	const host = parseCidr(address);
	return block !== undefined && host !== undefined && overlaps(block, host);
}

/** Whether this host itself has an address in the block or a network around it. */
function isHosts(subnet: string): boolean {
	const block = parseCidr(subnet);
	return Object.values(networkInterfaces())
		.flatMap((addresses) => addresses ?? [])
		.some(({ cidr }) => {
			const own = cidr && parseCidr(cidr);
			return own && block && overlaps(own, block);
		});
}
