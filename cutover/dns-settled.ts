import { Resolver } from "node:dns/promises";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { now } from "./clock";
import { addressesBy, type NameServer, pointsTo, zoneServers } from "./dns";
import { ExitCode, UserError } from "./errors";
import { writeEvidence } from "./evidence";
import { main } from "./main";
import { settingsFromStdin } from "./stdin";
import { observeTtl } from "./ttl";

/** What the command resource behind the records hands over. */
export const settledSettings = z.strictObject({
	stack: z.string(),
	zone: z.string(),
	/** Host names. */
	names: z.array(z.string()),
	/** What all of them are to answer now. */
	address: z.string(),
	/** What they answered before any switch. */
	legacyAddress: z.string(),
	/** Seconds, of the records as they are now. */
	ttl: z.number(),
	/** Resolvers of the public, each an IP or ip:port. */
	resolvers: z.array(z.string()),
});

export type SettledSettings = z.infer<typeof settledSettings>;

/** The last run's output: a resolver may hold the records of that time. */
const previous = z.object({ address: z.string(), ttl: z.number() });

export type Previous = z.infer<typeof previous>;

/** Seconds that a resolver may take beyond what the TTL admits. */
const grace = 60;

/** What one server answers. */
interface Seen {
	server: NameServer;
	state: "agrees" | "late" | "unreachable";
	/** "name → addresses" of what is not as wanted, or why there is no answer. */
	detail: string;
}

/**
 * Asks the zone's servers and the public's resolvers until all of them answer
 * the address. One that cannot be reached is named and not waited for: from a
 * network that admits only its own resolver, none of the public's can be.
 *
 * @param before what the last run had settled; undefined at the first.
 * @returns what each of them said, in words.
 * @throws UserError when some still answer otherwise after the former TTL and a
 *   minute, or no server of the zone could be reached.
 */
export async function settle(
	settings: SettledSettings,
	before: Previous | undefined,
	options: {
		say: (line: string) => void;
		intervalMs?: number;
		progressMs?: number;
		graceSeconds?: number;
	},
): Promise<string> {
	const { address, names, ttl } = settings;
	const zone = await zoneServers(settings.zone);
	const servers = [
		...zone,
		...settings.resolvers.map((resolver) => ({
			name: resolver,
			address: resolver,
		})),
	];
	const limit =
		Math.max(ttl, before?.ttl ?? 0) + (options.graceSeconds ?? grace);
	const startedAt = Date.now();
	const deadline = startedAt + limit * 1_000;
	const seen = new Map<NameServer, Seen>();
	const progress = setInterval(() => {
		const left = Math.ceil((deadline - Date.now()) / 1_000);
		options.say(`${described([...seen.values()])}; ${left} s left`);
	}, options.progressMs ?? 10_000);
	try {
		await Promise.all(
			servers.map(async (server) => {
				for (;;) {
					const found = await ask(server, names, address);
					seen.set(server, found);
					if (found.state !== "late" || Date.now() >= deadline) return;
					await delay(options.intervalMs ?? 1_000);
				}
			}),
		);
	} finally {
		clearInterval(progress);
	}
	const all = servers.flatMap((server) => seen.get(server) ?? []);
	await writeEvidence(
		settings.stack,
		"settled.json",
		`${JSON.stringify({ address, at: now().toISOString(), seconds: (Date.now() - startedAt) / 1_000, servers: all }, null, "\t")}\n`,
	);
	const zoneAgrees = zone.some(
		(server) => seen.get(server)?.state === "agrees",
	);
	if (!zoneAgrees || all.some(({ state }) => state === "late")) {
		throw new UserError(
			{
				expected: `${names.join(", ")} at ${address} within ${limit} s`,
				found: described(all),
				fix: "who asks these servers still gets what they say; look at the zone and at what they hold, then pulumi up asks again",
			},
			ExitCode.failure,
		);
	}
	return described(all);
}

async function ask(
	server: NameServer,
	names: string[],
	address: string,
): Promise<Seen> {
	const resolver = new Resolver({ timeout: 2_000, tries: 2 });
	resolver.setServers([server.address]);
	try {
		const others = (await addressesBy(resolver, names)).filter(
			(answer) => !pointsTo(answer, address),
		);
		const detail = others
			.map((answer) => `${answer.name} → ${answer.addresses.join(" ")}`)
			.join(", ");
		return { server, state: others.length > 0 ? "late" : "agrees", detail };
	} catch (error) {
		const { code = "", hostname = "" } = error as {
			code?: string;
			hostname?: string;
		};
		// These are answers: a cache may still hold that there is no such name.
		const answered = ["ENOTFOUND", "ENODATA", "ESERVFAIL"].includes(code);
		return {
			server,
			state: answered ? "late" : "unreachable",
			detail: answered ? `${hostname} → ${code}` : code || String(error),
		};
	}
}

function described(all: Seen[]): string {
	const agreeing = all.filter(({ state }) => state === "agrees").length;
	return [
		`${agreeing} of ${all.length} servers agree`,
		...all.flatMap(({ server, state, detail }) => {
			if (state === "late") return [`${server.name} still answers ${detail}`];
			return state === "unreachable"
				? [`${server.name} cannot be reached from here (${detail})`]
				: [];
		}),
	].join("; ");
}

if (require.main === module) {
	main(async () => {
		const settings = await settingsFromStdin(settledSettings);
		const { stack, zone, names, address, legacyAddress, ttl } = settings;
		const say = (line: string) => process.stderr.write(`settled: ${line}\n`);
		// The ladder wants to know since when the TTL has been low.
		await observeTtl(stack, zone, names);
		const noted = process.env.PULUMI_COMMAND_STDOUT;
		const before = noted ? previous.parse(JSON.parse(noted)) : undefined;
		// A first deployment moves no name, and the zone may not be delegated yet.
		if (before || address !== legacyAddress)
			say(await settle(settings, before, { say }));
		process.stdout.write(JSON.stringify({ address, ttl }));
	});
}
