import { z } from "zod";
import { UserError } from "./errors";
import { writeEvidence } from "./evidence";
import { main } from "./main";
import { settingsFromStdin } from "./stdin";
import { type Place, place, Ttn, ttnAccess, type Webhook } from "./ttn-api";
import { asking, heldBy } from "./ttn-held";
import {
	catchUp,
	type Patience,
	type Receiver,
	type UplinkReport,
} from "./ttn-uplinks";

/*
 * The Things Network posts to URLs kept in its own console; moving DNS does not move
 * them. And it posts each uplink once: what the old system refuses behind the barrier
 * is lost to it, unless the application's storage integration keeps it. So:
 *
 *   note       before the freeze: the time, and where every webhook points
 *   point      at the switch: all webhooks to the new system
 *   catch-up   after that: to the new system what TTN kept from a minute before the noted
 *              time until all webhooks had been pointed, and the target does not hold
 *   restore    where the switch is taken back: all webhooks to where they were
 *   give-back  after the source has been opened again: restore, then the same as catch-up
 *              to the old system, by what the source holds
 *
 * Guaranteed, where an application's storage is on and kept for as long as that takes (24 h
 * at The Things Stack Sandbox, 30 days in the Cloud): every uplink that TTN has reaches the
 * system that is in charge at the end, once. Whatever happened to it on the way (refused
 * behind a barrier, posted while webhooks were pointed one by one, cut off by a kill, or
 * received in between), it is in storage. The receiving system's database is asked what it
 * holds, after all posts under way have ended, and the system is sent nothing else: so none
 * is stored twice where it drops no doubles either. What came before the freeze, and in a
 * return what the other system took, is there by then: drain and replay brought it. Each
 * step can be run again after a kill.
 *
 * Not guaranteed: that no uplink is stored twice where TTN's webhook retries are on (it may
 * repeat its own posts later), or where a system stores a post more than 25 s after it was
 * made; a system that drops doubles of a device and time is safe from that too. A reading
 * that users deleted in the new system comes back in a return, if TTN still keeps its uplink.
 */

/** What `note` prints. */
const noted = z.object({
	/** By TTN's clock. */
	since: z.iso.datetime(),
	webhooks: z.array(place),
});

export type Noted = z.infer<typeof noted>;

const noteText = z.string().transform((text) => noted.parse(JSON.parse(text)));

const pointed = z.strictObject({
	...ttnAccess.shape,
	/** The new system, for instance https://api.example.com. */
	baseUrl: z.string(),
	/** Path for uplinks there, for instance /api/webhooks/ttn. */
	uplinkPath: z.string(),
	noted: noteText,
});

const caughtUp = z.strictObject({
	...pointed.shape,
	stack: z.string(),
	/** Of the new system, wherever its name points. */
	address: z.string(),
	target: asking,
});

const givenBack = z.strictObject({
	...ttnAccess.shape,
	stack: z.string(),
	source: asking,
});

/** Before the noted time, so that posts under way at that moment are looked at too. */
const MARGIN_MS = 60_000;

/** The time and where every webhook points: to be taken while the old system still serves. */
export async function note(ttn: Ttn): Promise<Noted> {
	for (const id of await ttn.withoutStorage()) say(unkept(id));
	const webhooks = await ttn.webhooks();
	return {
		since: (await ttn.now()).toISOString(),
		webhooks: webhooks.map(({ headers: _secret, ...where }) => where),
	};
}

/** Where the noted webhooks are to point after the switch. */
export function placesOf({
	noted,
	baseUrl,
	uplinkPath,
}: {
	noted: Noted;
	baseUrl: string;
	uplinkPath: string;
}): Place[] {
	return noted.webhooks.map((webhook) => ({
		...webhook,
		baseUrl,
		...(webhook.uplinkPath === undefined ? {} : { uplinkPath }),
	}));
}

/**
 * Gives webhooks their places; those that are there already are left alone, those that
 * are gone since or came since are named.
 *
 * @returns the webhooks, with the secrets that they send, and a time by TTN's clock when
 *   all of them had their places.
 */
export async function point(
	ttn: Ttn,
	places: Place[],
): Promise<{ webhooks: Webhook[]; pointed: Date }> {
	const present = await ttn.webhooks();
	const same = (one: Place, other: Place) =>
		one.applicationId === other.applicationId && one.id === other.id;
	for (const { applicationId, id, baseUrl } of present)
		if (!places.some((known) => same(known, { applicationId, id, baseUrl })))
			say(`${applicationId}/${id} came since the freeze: left at ${baseUrl}`);
	const webhooks: Webhook[] = [];
	for (const wanted of places) {
		const now = present.find((candidate) => same(candidate, wanted));
		if (!now) {
			say(`${wanted.applicationId}/${wanted.id} is gone since the freeze`);
			continue;
		}
		if (
			now.baseUrl !== wanted.baseUrl ||
			now.uplinkPath !== wanted.uplinkPath
		) {
			await ttn.point(wanted);
		}
		webhooks.push({ ...wanted, headers: now.headers });
	}
	// Its clock is read to the second, cut off.
	return { webhooks, pointed: new Date((await ttn.now()).getTime() + 1_000) };
}

/** Points the noted webhooks to these places, and brings the receiver what it missed since the note. */
export async function pointAndCatchUp(
	ttn: Ttn,
	places: Place[],
	noted: Noted,
	receiver: Omit<Receiver, "webhooks">,
	patience?: Patience,
): Promise<UplinkReport> {
	const { webhooks, pointed } = await point(ttn, places);
	const after = new Date(Date.parse(noted.since) - MARGIN_MS);
	const report = await catchUp(
		ttn,
		{ ...receiver, webhooks },
		{ after, pointed },
		patience,
	);
	for (const id of report.withoutStorage) say(unkept(id));
	for (const { deviceId, gaps, refused } of report.devices) {
		if (gaps.length > 0) say(`${deviceId}: TTN never got ${gaps.join(", ")}`);
		if (refused.length > 0)
			say(`${deviceId}: not taken: ${refused.join(", ")}`);
	}
	return report;
}

/** What to tell of an application that stores nothing. */
function unkept(applicationId: string): string {
	return `${applicationId} keeps no uplinks, so those that the old system refuses are lost; switch on its Storage Integration`;
}

async function keepReport(
	stack: string,
	name: "uplinks-switch" | "uplinks-return",
	report: UplinkReport,
): Promise<void> {
	const text = `${JSON.stringify(report, null, "\t")}\n`;
	await writeEvidence(stack, `${name}.json`, text);
	const { devices, ...counts } = report;
	process.stdout.write(JSON.stringify({ ...counts, devices: devices.length }));
}

function say(line: string): void {
	process.stderr.write(`ttn: ${line}\n`);
}

const commands: Record<string, () => Promise<void>> = {
	async note() {
		const settings = await settingsFromStdin(givenBack);
		process.stdout.write(JSON.stringify(await note(new Ttn(settings))));
	},
	async point() {
		const settings = await settingsFromStdin(pointed);
		const { webhooks } = await point(new Ttn(settings), placesOf(settings));
		process.stdout.write(`${webhooks.length} webhooks`);
	},
	async "catch-up"() {
		const settings = await settingsFromStdin(caughtUp);
		const { stack, noted, address } = settings;
		const report = await pointAndCatchUp(
			new Ttn(settings),
			placesOf(settings),
			noted,
			{ address, held: heldBy(settings.target) },
		);
		await keepReport(stack, "uplinks-switch", report);
	},
	async restore() {
		const settings = await settingsFromStdin(pointed);
		await point(new Ttn(settings), settings.noted.webhooks);
	},
	async "give-back"() {
		const { stack, source, ...access } = await settingsFromStdin(givenBack);
		// Its own note, as the state has it.
		const before = noteText.parse(process.env.PULUMI_COMMAND_STDOUT);
		const report = await pointAndCatchUp(
			new Ttn(access),
			before.webhooks,
			before,
			{ held: heldBy(source) },
		);
		await keepReport(stack, "uplinks-return", report);
	},
};

if (require.main === module) {
	const name = process.argv[2] ?? "";
	main(
		commands[name] ??
			(async () => {
				throw new UserError({
					expected: `one of ${Object.keys(commands).join(", ")}`,
					found: name || "nothing",
					fix: "run it through pulumi",
				});
			}),
	);
}
