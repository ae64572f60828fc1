import { Resolver } from "node:dns/promises";

/**
 * What a zone's own name servers answer, past every cache. In a rehearsal
 * CUTOVER_RESOLVER (ip:port) stands in their place.
 */
export async function zoneResolver(zone: string): Promise<Resolver> {
	const resolver = new Resolver({ timeout: 2_000, tries: 2 });
	const given = process.env.CUTOVER_RESOLVER;
	if (given) {
		resolver.setServers([given]);
		return resolver;
	}
	const addresses = await Promise.all(
		(await resolver.resolveNs(zone)).map((server) => resolver.resolve4(server)),
	);
	resolver.setServers(addresses.flat());
	return resolver;
}

export interface AddressAnswer {
	name: string;
	addresses: string[];
	/** Seconds. */
	ttl: number;
}

/** The A records of several names as the zone's servers answer them now. */
export async function addressRecords(
	zone: string,
	names: string[],
): Promise<AddressAnswer[]> {
	const resolver = await zoneResolver(zone);
	return Promise.all(
		names.map(async (name) => {
			const answers = await resolver.resolve4(name, { ttl: true });
			return {
				name,
				addresses: answers.map(({ address }) => address),
				ttl: Math.max(...answers.map(({ ttl }) => ttl)),
			};
		}),
	);
}

/** True when every name answers this one address and nothing else. */
export function allPointTo(answers: AddressAnswer[], address: string): boolean {
	return answers.every(
		({ addresses }) => addresses.length === 1 && addresses[0] === address,
	);
}
