import { z } from "zod";
import { wordsOf } from "../../cutover/announce";
import {
	alertFires,
	resetIsOffered,
	uplinkArrives,
	userSeesHistory,
} from "../../cutover/checks/completion";
import { clockOffsetSeconds, moveClock } from "../../cutover/clock";
import { readEvidence } from "../../cutover/evidence";
import type { NoticeKind } from "../../cutover/notices";
import type { Flags } from "../../cutover/rungs";
import type { CheckpointName } from "../../cutover/signatures";
import { observeTtl } from "../../cutover/ttl";
import { logsArrive } from "./logs";
import { everyMetricSeen } from "./metrics";
import { keysValidated, uplinkIsBrought } from "./new-system";
import { lateComer } from "./old-system";
import { panelsHaveData } from "./panels";
import { pictureOfStatusPage, picturesOfDashboards } from "./pictures";
import type { Pulumi, UpdateResult } from "./pulumi";
import type { Rehearsal } from "./rehearsal";
import { destroyWatched, restoresEqual } from "./return";
import { StatusPageWatch, statusPageQuiet } from "./status-page";
import type { Step } from "./step";
import { Traffic, trafficInWords } from "./traffic";
import { isInOldSystem, useNewSystem } from "./use";
import { watchSays } from "./watch";

export interface PlannedCheckpoint {
	name: CheckpointName;
	stack: "staging" | "production";
	steps: Step[];
}

/** The four checkpoints, in order: the first on staging, the others on production. */
export function plan(rehearsal: Rehearsal): PlannedCheckpoint[] {
	return [
		stagingVerified(rehearsal),
		productionReady(rehearsal),
		cutoverComplete(rehearsal),
		stabilized(rehearsal),
	];
}

function stagingVerified(rehearsal: Rehearsal): PlannedCheckpoint {
	const { staging, production } = rehearsal;
	const deploy = async () => {
		const result = await staging.up();
		await rehearsal.readSite("staging");
		return shown(result);
	};
	return {
		name: "staging-verified",
		stack: "staging",
		steps: [
			{
				title: "pulumi preview -s staging, before anything exists",
				run: async () => shown(await staging.preview()),
			},
			{
				title: "pulumi up -s staging, with cutover:sync",
				run: async () => {
					await staging.set("sync", "true");
					return deploy();
				},
			},
			{
				title: "rollback: pulumi destroy -s staging, its names watched",
				run: async () =>
					`${await destroyWatched(rehearsal, "staging")}; ${await rehearsal.oldSystem.isItselfAgain()}; ${await restoresEqual("staging")}`,
			},
			{ title: "pulumi up -s staging again", run: deploy },
			{
				title: "pulumi up -s staging once more changes nothing",
				run: async () => unchanged(await staging.up()),
			},
			{
				title: "production's cutover:sync is refused while nothing is signed",
				run: () => shut(production, "sync", /staging-verified/),
			},
		],
	};
}

function productionReady(rehearsal: Rehearsal): PlannedCheckpoint {
	const { production, staging } = rehearsal;
	return {
		name: "production-ready",
		stack: "production",
		steps: [
			{
				title: "staging has served: pulumi destroy -s staging",
				run: async () => shown(await staging.destroy()),
			},
			{
				title: "pulumi up -s production, with cutover:sync",
				run: async () => {
					const result = await rehearsal.climb({ sync: true });
					const { outputs } = rehearsal.site("production");
					await observeTtl(
						"production",
						outputs.domain,
						Object.values(outputs.hostnames),
					);
					return shown(result);
				},
			},
			{
				title: "the old system goes on, and what it writes is brought over",
				async run() {
					const written = await rehearsal.oldSystem.goesOn();
					return `${written}; ${await uplinkIsBrought(rehearsal)}`;
				},
			},
			{ title: "clock moved by 24 h", run: async () => movedBy(24) },
			{
				title: "notice to the users",
				run: () => notice(rehearsal, "before"),
			},
			{ title: "clock moved by 25 h", run: async () => movedBy(25) },
			{
				title: "cutover:freeze is refused while production-ready is unsigned",
				run: () => shut(production, "freeze", /production-ready/),
			},
		],
	};
}

function cutoverComplete(rehearsal: Rehearsal): PlannedCheckpoint {
	const { logins, oldSystem } = rehearsal;
	const site = () => rehearsal.site("production");
	const send = (celsius: number) => rehearsal.control.sendUplink(celsius);
	const upWith = async (flags: Partial<Flags>) =>
		shown(await rehearsal.climb(flags));
	const switchUnderTraffic = async () => {
		const pictures: Promise<unknown>[] = [];
		const visitor = new StatusPageWatch(site(), async (title) => {
			pictures.push(pictureOfStatusPage(rehearsal, site(), title));
		});
		const traffic = await Traffic.start(rehearsal, site());
		const changes = await upWith({ freeze: true, dnsSwitch: true }).catch(
			async (error: unknown) => {
				await Promise.all([traffic.halt(), visitor.stop()]);
				throw error;
			},
		);
		const report = await traffic.stop();
		rehearsal.recorder.switches.push(report);
		const told = await visitor.succeeded();
		await Promise.all(pictures);
		return `${trafficInWords(report)}; status page: ${told} (${changes})`;
	};
	return {
		name: "cutover-complete",
		stack: "production",
		steps: [
			{
				title: "notice: maintenance begins",
				run: () => notice(rehearsal, "start"),
			},
			{
				title: "cutover:freeze and cutover:dnsSwitch in one up, under traffic",
				run: switchUnderTraffic,
			},
			{
				title: "the frozen source refuses writes",
				run: () => oldSystem.refusesWrites(),
			},
			{
				title: "who signed up during the sync logs in and sees history",
				run: () => userSeesHistory(site(), lateComer).run(),
			},
			{
				title:
					"the new system is used: rows new, changed and deleted, sign-ups",
				run: () => useNewSystem(rehearsal),
			},
			{
				title: "return: both flags taken back",
				run: async () => {
					const changes = await upWith({ freeze: false, dnsSwitch: false });
					const { rowsWritten, rowsEqual } = await returnReport();
					rehearsal.recorder.replayedRows = rowsWritten;
					return `${rowsWritten} rows brought back, ${rowsEqual} proven equal (${changes})`;
				},
			},
			{
				title: "the status page tells of the return, and no cutover any more",
				run: () => statusPageQuiet(site(), wordsOf("returned", "").title),
			},
			{
				title: "what was written in the new system is in the old one",
				run: () => isInOldSystem(rehearsal),
			},
			{
				title: "the old system serves, and is followed again",
				run: () => uplinkIsBrought(rehearsal),
			},
			{
				title: "freeze and switch again, under traffic",
				run: switchUnderTraffic,
			},
			{
				title: "Prometheus has seen every metric of dashboards and alerts",
				run: () => everyMetricSeen(rehearsal),
			},
			{
				title: "the new database's foreign keys are all validated",
				run: () => keysValidated(site()),
			},
			{
				title: "a user without carried hash is offered a reset",
				run: () => resetIsOffered(site(), logins.reset).run(),
			},
			{
				title: "an uplink from TTN arrives",
				run: () => uplinkArrives(site(), send).run(),
			},
			{
				title: "an uplink too warm raises an alert",
				run: () => alertFires(site(), send, logins.carried).run(),
			},
			{
				title: "a request is found in the logs by its id",
				run: () => logsArrive(rehearsal),
			},
			{
				title: "every panel of every dashboard has data",
				run: () => panelsHaveData(rehearsal),
			},
			{
				title: "the dashboards in a browser",
				run: () => picturesOfDashboards(rehearsal),
			},
			{
				title: "npm run watch sees the new system, and no reason to return",
				run: () => watchSays(rehearsal),
			},
		],
	};
}

function stabilized(rehearsal: Rehearsal): PlannedCheckpoint {
	const { production } = rehearsal;
	return {
		name: "stabilized",
		stack: "production",
		steps: [
			{ title: "clock moved by 24 h", run: async () => movedBy(24) },
			{
				title: "notice: maintenance complete",
				run: () => notice(rehearsal, "complete"),
			},
			{
				title: "npm run status says what comes next",
				async run() {
					const text = await rehearsal.npm("status", "-s", "production");
					return /^next +(.*)$/m.exec(text)?.[1] ?? text;
				},
			},
			{
				title: "pulumi up -s production once more changes nothing",
				run: async () => unchanged(await production.up()),
			},
		],
	};
}

async function returnReport() {
	const text = await readEvidence("production", "return.json");
	return z
		.object({ rowsWritten: z.number(), rowsEqual: z.number() })
		.parse(JSON.parse(text ?? "{}"));
}

/** Sends it as a person does, and finds it in the mailbox. */
async function notice(rehearsal: Rehearsal, kind: NoticeKind): Promise<string> {
	const sent = await rehearsal.npm("notice", kind, "-s", "production");
	const [messageId = ""] = sent.split(" ");
	if (!(await rehearsal.control.inMailbox(messageId)))
		throw new Error(`${messageId} is not in the mailbox`);
	return messageId;
}

/** A rung whose checkpoint is unsigned does not open; the flag goes back. */
async function shut(
	pulumi: Pulumi,
	rung: string,
	expected: RegExp,
): Promise<string> {
	await pulumi.set(rung, "true");
	const found = await pulumi.refused(expected);
	await pulumi.set(rung, "false");
	return found;
}

function movedBy(hours: number): string {
	moveClock(hours * 3_600);
	return `the ladder's clock is ${(clockOffsetSeconds() / 3_600).toFixed(1)} h ahead of the wall clock`;
}

function shown({ changes }: UpdateResult): string {
	return Object.entries(changes)
		.map(([operation, count]) => `${count} ${operation}`)
		.join(", ");
}

function unchanged(result: UpdateResult): string {
	const others = Object.keys(result.changes).filter(
		(operation) => operation !== "unchanged",
	);
	if (others.length > 0) {
		throw new Error(`a second up was to change nothing: ${shown(result)}`);
	}
	return shown(result);
}
