import { Resolver } from "node:dns/promises";
import { setTimeout as delay } from "node:timers/promises";

export interface DnsWatch {
	/** Ends the watch; gives how often it asked and every wrong answer it saw. */
	stop(): Promise<{ asked: number; wrong: string[] }>;
}

/**
 * Asks for a set of names over and over, and keeps every answer that is not
 * one of the allowed addresses: NXDOMAIN or an empty answer, for however short
 * a moment, is what a return must not show.
 */
export function watchNames(
	server: string,
	names: string[],
	allowed: string[],
): DnsWatch {
	const resolver = new Resolver({ timeout: 1_000, tries: 2 });
	resolver.setServers([server]);
	const wrong: string[] = [];
	let asked = 0;
	let running = true;
	const loop = (async () => {
		while (running) {
			await Promise.all(
				names.map(async (name) => {
					asked++;
					try {
						const addresses = await resolver.resolve4(name);
						if (addresses.length !== 1 || !allowed.includes(addresses[0] ?? ""))
							wrong.push(`${name}: ${addresses.join(" ") || "no address"}`);
					} catch (error) {
						wrong.push(`${name}: ${(error as NodeJS.ErrnoException).code}`);
					}
				}),
			);
			await delay(50);
		}
	})();
	return {
		async stop() {
			running = false;
			await loop;
			return { asked, wrong };
		},
	};
}
