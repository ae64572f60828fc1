import { z } from "zod";
import { expectedDuringCutover } from "../observability/alertmanager/expected";
import { now } from "./clock";
import { UserError } from "./errors";
import type { HttpOptions } from "./http";
import { askMonitoring, type MonitoringAccess } from "./monitoring-host";

/** A silence of ours that has not ended. */
export interface Silence {
	id: string;
	/** ISO 8601, by the wall clock. */
	endsAt: string;
}

/** By this our silences are known from those that people set. */
const creator = "cutover";

/** Longer than any cutover: an alert that is silenced for days is forgotten. */
const longestMs = 12 * 3_600_000;

const silences = z.array(
	z.object({
		id: z.string(),
		createdBy: z.string(),
		endsAt: z.string(),
		status: z.object({ state: z.enum(["expired", "active", "pending"]) }),
	}),
);

/**
 * Silences what a planned cutover is expected to raise, from now on. A silence that
 * stands already gets the new end: there is never more than one of ours.
 *
 * @param until when it ends by itself, by the ladder's clock
 * @returns the silence's id.
 * @throws UserError for an end that has passed or is more than 12 hours away; Error
 *   when Alertmanager does not take it.
 */
export async function silence(
	access: MonitoringAccess,
	until: Date,
): Promise<string> {
	// Alertmanager goes by the wall clock, which a rehearsal's ladder runs ahead of.
	const ms = until.getTime() - now().getTime();
	if (!(ms > 0 && ms <= longestMs))
		throw new UserError({
			expected: `an end of the silence within the next ${longestMs / 3_600_000} hours`,
			found: `one in ${(ms / 3_600_000).toFixed(1)} hours`,
			fix: "silence alerts for the cutover only, and again where it takes longer",
		});
	const [standing, ...others] = await findSilences(access);
	for (const { id } of others) await expire(access, id);
	const from = Date.now();
	const body = await ask(access, "/silences", {
		json: {
			...(standing ? { id: standing.id } : {}),
			matchers: [
				{
					name: "alertname",
					value: expectedDuringCutover.join("|"),
					isRegex: true,
					isEqual: true,
				},
			],
			startsAt: new Date(from).toISOString(),
			endsAt: new Date(from + ms).toISOString(),
			createdBy: creator,
			comment:
				"Expected of a planned cutover; no criterion to go back is among it.",
		},
	});
	return z.object({ silenceID: z.string() }).parse(JSON.parse(body)).silenceID;
}

/** The silences of ours that stand or are to come; one at most, unless somebody made more. */
export async function findSilences(
	access: MonitoringAccess,
): Promise<Silence[]> {
	return silences
		.parse(JSON.parse(await ask(access, "/silences")))
		.filter(
			({ createdBy, status }) =>
				createdBy === creator && status.state !== "expired",
		)
		.map(({ id, endsAt }) => ({ id, endsAt }));
}

/** Ends our silence before its time; nothing where there is none. */
export async function liftSilence(access: MonitoringAccess): Promise<void> {
	for (const { id } of await findSilences(access)) await expire(access, id);
}

function expire(access: MonitoringAccess, id: string): Promise<string> {
	return ask(access, `/silence/${id}`, { method: "DELETE" });
}

/**
 * @param path under version 2 of its API
 * @returns the answer's body.
 */
async function ask(
	access: MonitoringAccess,
	path: string,
	options?: HttpOptions,
): Promise<string> {
	const { status, body } = await askMonitoring(
		access,
		`/alertmanager/api/v2${path}`,
		options,
	);
	if (status !== 200)
		throw new Error(
			`Alertmanager answered ${status} to ${path}: ${body.slice(0, 300)}`,
		);
	return body;
}
