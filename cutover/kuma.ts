import { z } from "zod";
import { apply } from "../observability/uptime-kuma/apply";
import { Kuma, KumaError } from "../observability/uptime-kuma/client";
import type { Desired } from "../observability/uptime-kuma/desired";
import { UserError } from "./errors";
import { basicAuthorization, trustedRoot } from "./http";
import { main } from "./main";
import { settingsFromStdin } from "./stdin";

/** Where a stack's Uptime Kuma is, and its one log-in, which Caddy before it has too. */
export const kumaPlace = z.strictObject({
	hostname: z.string(),
	/** Asked whatever the name answers now, as curl --resolve does. */
	address: z.string(),
	user: z.string(),
	password: z.string(),
});

export type KumaPlace = z.output<typeof kumaPlace>;

/** Longest wait for a server that starts; its first start makes its database. */
const startMs = 180_000;

/**
 * Works on a stack's Uptime Kuma as its administrator, who is made where there is none.
 *
 * @param timeoutMs how long to wait for it to answer.
 * @throws UserError where it knows another password.
 */
export async function withKuma<T>(
	{ hostname, address, user, password }: KumaPlace,
	work: (kuma: Kuma) => Promise<T>,
	timeoutMs = startMs,
): Promise<T> {
	const kuma = await Kuma.open(
		{
			url: `https://${hostname}`,
			...{ address, ca: trustedRoot() },
			authorization: basicAuthorization(user, password),
		},
		timeoutMs,
	);
	try {
		await kuma.enter(user, password).catch((error: unknown) => {
			if (!(error instanceof KumaError)) throw error;
			throw new UserError({
				expected: `${user}'s log-in at https://${hostname} with the stack's monitoring password`,
				found: error.message,
				fix: "set that password: docker exec -it on the manager, in uptime-kuma's container, npm run reset-password",
			});
		});
		return await work(kuma);
	} finally {
		kuma.close();
	}
}

const settings = z.strictObject({
	at: kumaPlace,
	desired: z.custom<Desired>((value) => value instanceof Object),
});

/** What infra/commands/uptime-kuma.ts runs: makes Uptime Kuma what the stack says. */
if (require.main === module) {
	main(async () => {
		const { at, desired } = await settingsFromStdin(settings);
		const report = await withKuma(at, (kuma) => apply(kuma, desired));
		process.stdout.write(
			Object.entries(report)
				.map(([what, keys]: [string, string[]]) => `${keys.length} ${what}`)
				.join(", "),
		);
	});
}
