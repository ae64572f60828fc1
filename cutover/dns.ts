import { Resolver } from "node:dns/promises";

/** A name server that can be asked: its address, and how people call it. */
export interface NameServer {
	name: string;
	/** IP, or ip:port. */
	address: string;
}

/**
 * The zone's own name servers, which are past every cache. In a rehearsal
 * CUTOVER_RESOLVER (ip:port) stands in their place.
 */
export async function zoneServers(zone: string): Promise<NameServer[]> {
	const given = process.env.CUTOVER_RESOLVER;
	if (given) return [{ name: given, address: given }];
	const resolver = new Resolver({ timeout: 2_000, tries: 2 });
	const servers = await Promise.all(
		(await resolver.resolveNs(zone)).map(async (name) => {
			const addresses = await resolver.resolve4(name);
			return addresses.map((address) => ({ name, address }));
		}),
	);
	return servers.flat();
}

/** Asks the zone's own name servers: the first, and the next where it is silent. */
export async function zoneResolver(zone: string): Promise<Resolver> {
	const resolver = new Resolver({ timeout: 2_000, tries: 2 });
	resolver.setServers((await zoneServers(zone)).map(({ address }) => address));
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
	return addressesBy(await zoneResolver(zone), names);
}

/** The A records of several names as a resolver answers them. */
export function addressesBy(
	resolver: Resolver,
	names: string[],
): Promise<AddressAnswer[]> {
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
	return answers.every((answer) => pointsTo(answer, address));
}

/** True when the name answers this one address and nothing else. */
export function pointsTo(
	{ addresses }: AddressAnswer,
	address: string,
): boolean {
	return addresses.length === 1 && addresses[0] === address;
}
