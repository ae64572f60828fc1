import { setTimeout as delay } from "node:timers/promises";
import { expect } from "../../cutover/check";
import { servicesRun } from "../../cutover/checks/services";
import type { Site } from "../../cutover/checks/site";
import { remote } from "../../cutover/ssh";
import { waitFor } from "../../cutover/wait";
import { ask } from "./new-system";
import type { Rehearsal } from "./rehearsal";
import type { Step } from "./step";

/** Between two readings of a sensor that goes on. */
const SEND_EVERY_MS = 10_000;
/** The longest `for` of these alerts, scrapes, and the grouping before a mail. */
const MAIL_MS = 300_000;
/** Fifteen minutes of silence come first. */
const SILENCE_MS = 16 * 60_000 + MAIL_MS;
/** Share of the disk that the fault leaves: below DiskSpaceLow's 15 %. */
const LEFT = 0.12;
/** No less than this stays free, or the machine that rehearses suffers. */
const LEFT_BYTES = 4 * 2 ** 30;
/** On the Droplet's disk, where images and volumes are as well. */
const FILLER = "/var/lib/docker/cutover-rehearsal-fault";

/**
 * Three faults, real ones: each is to arrive in the mailbox, and to be told of as
 * over once it is mended. No threshold is another than in production. For a stack
 * that has been switched; it takes up to half an hour, for sensors have to be silent
 * for fifteen minutes: those that are silent longest already.
 */
export function faultsAreTold(
	rehearsal: Rehearsal,
	stack = "production",
): Step[] {
	const faults = new Faults(rehearsal, stack);
	return [
		{
			title: "all organizations' sensors go on but one's",
			run: () => faults.silenceOne(),
		},
		{
			title: "fault: the backend stops; its alert arrives, and is over",
			run: () => faults.backendStopped(),
		},
		{
			title: "fault: the Droplet's disk fills; its alert arrives, and is over",
			run: () => faults.diskFilled(),
		},
		{
			title:
				"fault: an organization's sensors are silent; its alert arrives, and is over",
			run: () => faults.sensorsSilent(),
		},
	];
}

class Faults {
	readonly #stop = new AbortController();
	#silent: { slug: string; devEui: string } | undefined;

	constructor(
		private readonly rehearsal: Rehearsal,
		private readonly stack: string,
	) {}

	/** As it was deployed last: not yet where the steps are only planned. */
	private get site(): Site {
		return this.rehearsal.site(this.stack);
	}

	/** Picks who is silent: whoever has been so longest. The others send from now on. */
	async silenceOne(): Promise<string> {
		const sensors = await this.#sensors();
		const age = async (slug: string) =>
			(
				await this.site.query(
					`organization:newest_reading_age:seconds{organization="${slug}"}`,
				)
			)[0] ?? Number.NaN;
		const ages = await Promise.all(
			[...sensors].map(async ([slug, devEui]) => ({
				slug,
				devEui,
				seconds: await age(slug),
			})),
		);
		// Who was never heard on the new system is not watched.
		const [silent, ...others] = ages
			.filter(({ seconds }) => seconds > 0)
			.sort((one, other) => other.seconds - one.seconds);
		if (!silent || others.length === 0)
			throw new Error(
				`two organizations are to have sent a reading: ${JSON.stringify(ages)}`,
			);
		this.#silent = silent;
		void this.#send(others.map(({ devEui }) => devEui));
		return `${silent.slug} was heard ${Math.round(silent.seconds)} s ago; ${others.length} others go on`;
	}

	async backendStopped(): Promise<string> {
		const { ssh } = this.site.outputs;
		const replicas = (
			await remote(
				ssh,
				"docker service inspect -f '{{.Spec.Mode.Replicated.Replicas}}' backend",
			)
		).trim();
		const scale = (tasks: string) =>
			remote(ssh, `docker service scale --detach backend=${tasks}`);
		return this.#told("BackendGone", {
			begin: () => scale("0"),
			end: async () => {
				await scale(replicas);
				await servicesRun(this.site, { timeoutMs: 120_000 }).run();
			},
		});
	}

	/** Blocks are reserved, not written: the disk counts them as used at once. */
	async diskFilled(): Promise<string> {
		const { ssh } = this.site.outputs;
		const folder = FILLER.replace(/\/[^/]*$/, "");
		const [used = 0, free = 0] = (
			await remote(ssh, `df -B1 --output=used,avail ${folder} | tail -1`)
		)
			.trim()
			.split(/\s+/)
			.map(Number);
		const left = LEFT * (used + free);
		expect(
			left > LEFT_BYTES && free > left,
			`the disk has ${gib(free)} of ${gib(used + free)} free: ${gib(left)} have to stay, and ${gib(LEFT_BYTES)} at least`,
		);
		const told = await this.#told("DiskSpaceLow", {
			begin: () =>
				remote(ssh, `fallocate -l ${Math.round(free - left)} ${FILLER}`),
			end: () => remote(ssh, `rm -f ${FILLER}`),
		});
		return `${gib(free - left)} taken of ${gib(free)} free; ${told}`;
	}

	async sensorsSilent(): Promise<string> {
		const silent = this.#silent;
		if (!silent) throw new Error("nobody is silent");
		try {
			const about = `no reading of ${silent.slug} for`;
			const fired = await this.#mail(`FIRES: ${about}`, SILENCE_MS, 0);
			const since = Date.now();
			const { status } = await this.rehearsal.control.sendUplink(
				3.5,
				silent.devEui,
			);
			expect(status === 200, `its uplink was answered ${status}`);
			await this.#mail(`OVER: ${about}`, MAIL_MS, since);
			return `${silent.slug}: mail at ${fired.receivedAt}, over ${seconds(since)} after it was heard again`;
		} finally {
			this.#stop.abort();
		}
	}

	/** A fault from its begin to the mail that says it is over; mended in any case. */
	async #told(
		alert: string,
		fault: { begin: () => Promise<unknown>; end: () => Promise<unknown> },
	): Promise<string> {
		const begun = Date.now();
		let fired: string;
		try {
			await fault.begin();
			await this.#mail(`${alert} fires`, MAIL_MS, begun);
			fired = seconds(begun);
		} finally {
			await fault.end();
		}
		const mended = Date.now();
		await this.#mail(`${alert} is over`, MAIL_MS, begun);
		return `mail ${fired} after it began, over ${seconds(mended)} after it was mended`;
	}

	/** @param words in its subject or text */
	#mail(words: string, timeoutMs: number, since: number) {
		return waitFor(
			`a mail "${words}"`,
			async () =>
				(await this.rehearsal.control.mails()).find(
					({ subject, text, receivedAt }) =>
						Date.parse(receivedAt) >= since &&
						(subject.includes(words) || text.includes(words)),
				),
			{ timeoutMs, intervalMs: 2_000 },
		);
	}

	/** One sensor of each organization, that the new system knows. */
	async #sensors(): Promise<Map<string, string>> {
		const text = await ask(
			this.site,
			`SELECT concat_ws(' ', o.slug, upper(min(s.dev_eui)))
			FROM organizations o
			JOIN ttn_connections c ON c.organization_id = o.id
			JOIN sites ON sites.organization_id = o.id AND sites.is_active
			JOIN areas a ON a.site_id = sites.id AND a.is_active
			JOIN units u ON u.area_id = a.id AND u.is_active
			JOIN devices d ON d.unit_id = u.id AND d.is_active
			JOIN lora_sensors s ON s.device_id = d.id
			WHERE o.deleted_at IS NULL GROUP BY o.slug`,
		);
		return new Map(
			text.split("\n").map((line) => {
				const [slug = "", devEui = ""] = line.split(" ");
				return [slug, devEui];
			}),
		);
	}

	async #send(devEuis: string[]): Promise<void> {
		while (!this.#stop.signal.aborted) {
			// Refused while the backend is down, which is one of the faults.
			for (const devEui of devEuis)
				await this.rehearsal.control
					.sendUplink(3.5, devEui)
					.catch(() => undefined);
			// A step that fails before ends the rehearsal, which need not wait for this.
			await delay(SEND_EVERY_MS, undefined, { ref: false });
		}
	}
}

function seconds(since: number): string {
	return `${Math.round((Date.now() - since) / 1000)} s`;
}

function gib(bytes: number): string {
	return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
