import { z } from "zod";
import { main } from "./main";
import { settingsFromStdin } from "./stdin";

/** What the TTN command resource hands over. */
export const ttnSettings = z.strictObject({
	/** For instance https://nam1.cloud.thethings.network. */
	apiUrl: z.string(),
	/** Needs the right to edit the application's webhooks. */
	apiKey: z.string(),
	applicationId: z.string(),
	/** The new system, for instance https://api.example.com. */
	baseUrl: z.string(),
	/** Path for uplinks there, for instance /api/webhooks/ttn. */
	uplinkPath: z.string(),
});

export type TtnSettings = z.infer<typeof ttnSettings>;

const webhook = z.object({
	ids: z.object({ webhook_id: z.string() }),
	base_url: z.string(),
	uplink_message: z.object({ path: z.string().optional() }).optional(),
});

/** Where a webhook pointed before the switch; printed, so that the state keeps it. */
const former = z.array(
	z.object({ id: z.string(), baseUrl: z.string(), uplinkPath: z.string() }),
);

type Former = z.infer<typeof former>;

/**
 * The Things Network posts to a URL kept in its own console; moving DNS does
 * not move it. API: The Things Stack v3, application webhooks with field mask.
 */
class Webhooks {
	constructor(private readonly settings: TtnSettings) {}

	async list(): Promise<Former> {
		const answer = await this.#call(
			"GET",
			"?field_mask=base_url,uplink_message",
		);
		const { webhooks } = z
			.object({ webhooks: z.array(webhook).default([]) })
			.parse(answer);
		return webhooks.map(({ ids, base_url, uplink_message }) => ({
			id: ids.webhook_id,
			baseUrl: base_url,
			uplinkPath: uplink_message?.path ?? "",
		}));
	}

	async point(target: Former[number]): Promise<void> {
		await this.#call("PUT", `/${target.id}`, {
			webhook: {
				ids: { webhook_id: target.id },
				base_url: target.baseUrl,
				uplink_message: { path: target.uplinkPath },
			},
			field_mask: { paths: ["base_url", "uplink_message.path"] },
		});
	}

	async #call(method: string, path: string, body?: unknown): Promise<unknown> {
		const { apiUrl, apiKey, applicationId } = this.settings;
		const answer = await fetch(
			`${apiUrl}/api/v3/as/webhooks/${applicationId}${path}`,
			{
				method,
				headers: {
					authorization: `Bearer ${apiKey}`,
					...(body ? { "content-type": "application/json" } : {}),
				},
				...(body ? { body: JSON.stringify(body) } : {}),
				signal: AbortSignal.timeout(30_000),
			},
		);
		if (!answer.ok) {
			const text = (await answer.text()).slice(0, 300);
			throw new Error(
				`${method} webhooks${path}: TTN answered ${answer.status} ${text}`,
			);
		}
		return answer.json();
	}
}

/** Points every webhook of the application at the new system. */
export async function point(
	settings: TtnSettings,
	known: Former,
): Promise<Former> {
	const webhooks = new Webhooks(settings);
	const before = await webhooks.list();
	for (const { id } of before) {
		await webhooks.point({
			id,
			baseUrl: settings.baseUrl,
			uplinkPath: settings.uplinkPath,
		});
	}
	// A repeated run finds the new address; what an earlier one noted is the truth.
	return before.map((now) => known.find(({ id }) => id === now.id) ?? now);
}

/** Points every webhook back to where it was before the switch. */
export async function restore(
	settings: TtnSettings,
	known: Former,
): Promise<void> {
	const webhooks = new Webhooks(settings);
	for (const target of known) await webhooks.point(target);
}

function notedBefore(): Former {
	const noted = process.env.PULUMI_COMMAND_STDOUT;
	return noted ? former.parse(JSON.parse(noted)) : [];
}

if (require.main === module) {
	main(async () => {
		const settings = await settingsFromStdin(ttnSettings);
		if (process.argv[2] === "restore") await restore(settings, notedBefore());
		else
			process.stdout.write(
				JSON.stringify(await point(settings, notedBefore())),
			);
	});
}
