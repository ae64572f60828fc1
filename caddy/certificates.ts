import type { Resolver } from "node:dns/promises";
import { Agent } from "node:https";
import { rootCertificates } from "node:tls";
import * as acme from "acme-client";
import { z } from "zod";
import { zoneResolver } from "../cutover/dns";
import { main } from "../cutover/main";
import { settingsFromStdin } from "../cutover/stdin";
import { waitFor } from "../cutover/wait";
import { Zone } from "../cutover/zone";
import { type Certificate, storageFiles } from "./storage";

/** What the certificates command resource hands over. */
export const certificateSettings = z.strictObject({
	zone: z.string(),
	hostnames: z.array(z.string()).min(1),
	directory: z.string(),
	email: z.string(),
	/** PEM that the directory's own TLS chains to, where it is not public. */
	ca: z.string().optional(),
});

export type CertificateSettings = z.infer<typeof certificateSettings>;

/** Seconds; the shortest that DigitalOcean takes. */
const challengeTtl = 30;

/**
 * Issues one certificate a name by DNS-01 (RFC 8555, 8.4), which works while
 * the names still lead to the old system; HTTP-01 would need the switch first.
 * The challenges' TXT records are removed again, also after a failure.
 */
export async function issue(
	settings: CertificateSettings,
): Promise<Certificate[]> {
	trust(settings.ca);
	const client = new acme.Client({
		directoryUrl: settings.directory,
		accountKey: await acme.crypto.createPrivateEcdsaKey(),
		// Milliseconds between looks at an order; the library's own 5 s to 30 s
		// would be most of the time that an issue takes.
		backoffMin: 1_000,
		backoffMax: 10_000,
		backoffAttempts: 30,
	});
	await client.createAccount({
		termsOfServiceAgreed: true,
		contact: [`mailto:${settings.email}`],
	});
	const zone = new Zone(settings.zone);
	const resolver = await zoneResolver(settings.zone);
	return Promise.all(
		settings.hostnames.map((hostname) =>
			issueOne(client, zone, resolver, hostname),
		),
	);
}

async function issueOne(
	client: acme.Client,
	zone: Zone,
	resolver: Resolver,
	hostname: string,
): Promise<Certificate> {
	const [key, csr] = await acme.crypto.createCsr(
		{ commonName: hostname, altNames: [hostname] },
		await acme.crypto.createPrivateEcdsaKey(),
	);
	const challenge = `_acme-challenge.${hostname}`;
	// "_acme-challenge" or "_acme-challenge.api": DigitalOcean's names are relative.
	const relative = challenge.slice(0, -(zone.domain.length + 1));
	const added: number[] = [];
	try {
		const chain = await client.auto({
			csr,
			termsOfServiceAgreed: true,
			challengePriority: ["dns-01"],
			// Its own check asks resolvers that may have cached "no such name".
			skipChallengeVerification: true,
			async challengeCreateFn(_authorization, _challenge, value) {
				const record = await zone.add({
					type: "TXT",
					name: relative,
					data: value,
					ttl: challengeTtl,
				});
				added.push(record.id);
				await answered(resolver, challenge, value);
			},
			// All go together below, the failed ones too.
			challengeRemoveFn: async () => {},
		});
		return { hostname, chain, privateKey: key.toString() };
	} finally {
		for (const id of added) await zone.remove(id);
	}
}

/** The zone's own servers give the value; the authority asks the same ones. */
async function answered(
	resolver: Resolver,
	name: string,
	value: string,
): Promise<void> {
	await waitFor(
		`TXT ${name} at the zone's servers`,
		async () =>
			(await resolver.resolveTxt(name)).some(
				(parts) => parts.join("") === value,
			) || undefined,
		{ timeoutMs: 300_000, intervalMs: 500 },
	);
}

function trust(ca: string | undefined): void {
	if (!ca) return;
	acme.axios.defaults.httpsAgent = new Agent({ ca: [...rootCertificates, ca] });
}

if (require.main === module) {
	main(async () => {
		const settings = await settingsFromStdin(certificateSettings);
		const files = storageFiles(settings.directory, await issue(settings));
		process.stdout.write(JSON.stringify(files));
	});
}
