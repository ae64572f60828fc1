import type { Check } from "../../cutover/check";
import {
	alertFires,
	namesPointTo,
	redirectsToHttps,
	resetIsOffered,
	sidesEqual,
	siteLoadsByName,
	uplinkArrives,
	userSeesHistory,
} from "../../cutover/checks/completion";
import {
	backendHealthy,
	prometheusScrapes,
	siteLoads,
	statusPageUp,
} from "../../cutover/checks/health";
import {
	contactsNamed,
	databasesReachable,
	dropletReady,
	dryRun,
	noticeSent,
	stackAuthReachable,
	ttlLowered,
} from "../../cutover/checks/readiness";
import {
	secretsPresent,
	servicesLimited,
	servicesRun,
} from "../../cutover/checks/services";
import {
	confirmationSent,
	errorRate,
	loginSuccess,
	readingsAccumulate,
	rowCounts,
	scheduledJobs,
} from "../../cutover/checks/stabilization";
import { clockOffsetSeconds, moveClock } from "../../cutover/clock";
import type { CheckpointName } from "../../cutover/evidence";
import { type NoticeKind, sendNotice } from "../../cutover/notices";
import { observeTtl } from "../../cutover/ttl";
import { keysValidated, uplinkIsBrought } from "./new-system";
import { lateComer } from "./old-system";
import type { UpdateResult } from "./pulumi";
import type { Rehearsal } from "./rehearsal";

export interface Step {
	title: string;
	run(): Promise<string>;
}

export interface PlannedCheckpoint {
	name: CheckpointName;
	stack: "staging" | "production";
	steps: Step[];
	/** Asked for only when the steps are done: they need the stack. */
	checks(): Check[];
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
	const { staging } = rehearsal;
	const site = () => rehearsal.site("staging");
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
				title: "dry run of the export",
				run: () => dryRun(site()).run(),
			},
			{
				title: "rollback: pulumi destroy -s staging",
				run: async () => shown(await staging.destroy()),
			},
			{ title: "pulumi up -s staging again", run: deploy },
			{
				title: "pulumi up -s staging once more changes nothing",
				run: async () => unchanged(await staging.up()),
			},
		],
		checks: () => [
			servicesRun(site()),
			servicesLimited(site()),
			backendHealthy(site()),
			siteLoads(site()),
			prometheusScrapes(site()),
			dryRun(site()),
			namesPointTo(site(), site().outputs.legacyAddress),
		],
	};
}

function productionReady(rehearsal: Rehearsal): PlannedCheckpoint {
	const { production, staging } = rehearsal;
	const site = () => rehearsal.site("production");
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
					await production.set("sync", "true");
					const result = await production.up();
					const { outputs } = await rehearsal.readSite("production");
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
		],
		checks: () => [
			dropletReady(site()),
			databasesReachable(site()),
			ttlLowered(site()),
			secretsPresent(site()),
			stackAuthReachable(site()),
			noticeSent(site()),
			statusPageUp(site()),
			contactsNamed(site()),
			servicesRun(site()),
			backendHealthy(site()),
		],
	};
}

function cutoverComplete(rehearsal: Rehearsal): PlannedCheckpoint {
	const { production, logins } = rehearsal;
	const site = () => rehearsal.site("production");
	const send = (celsius: number) => rehearsal.control.sendUplink(celsius);
	const upWith = async (flag: string, value = "true") => {
		await production.set(flag, value);
		const result = await production.up();
		await rehearsal.readSite("production");
		return shown(result);
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
				title:
					"cutover:freeze: barrier, last users, last changes, verify, deploy",
				run: () => upWith("freeze"),
			},
			{
				title: "the frozen source refuses writes",
				run: () => rehearsal.oldSystem.refusesWrites(),
			},
			{
				title: "both sides equal before the switch",
				run: () => sidesEqual(site()).run(),
			},
			{
				title: "cutover:freeze taken back: the source serves, and is followed",
				run: async () =>
					`${await upWith("freeze", "false")}; ${await uplinkIsBrought(rehearsal)}`,
			},
			{
				title: "cutover:freeze again",
				run: () => upWith("freeze"),
			},
			{
				title: "cutover:dnsSwitch: the flag is flipped",
				run: () => upWith("dnsSwitch"),
			},
			{
				title: "the new database's foreign keys are all validated",
				run: () => keysValidated(site()),
			},
			{
				title: "who signed up during the sync logs in and sees history",
				run: () => userSeesHistory(site(), lateComer).run(),
			},
		],
		checks: () => [
			namesPointTo(site(), site().outputs.reservedIp),
			siteLoadsByName(site()),
			redirectsToHttps(site()),
			userSeesHistory(site(), logins.carried),
			resetIsOffered(site(), logins.reset),
			uplinkArrives(site(), send),
			alertFires(site(), send, logins.carried),
			servicesRun(site()),
			prometheusScrapes(site()),
			backendHealthy(site()),
		],
	};
}

function stabilized(rehearsal: Rehearsal): PlannedCheckpoint {
	const { production, control, logins } = rehearsal;
	const site = () => rehearsal.site("production");
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
				title: "pulumi up -s production once more changes nothing",
				run: async () => unchanged(await production.up()),
			},
		],
		checks: () => [
			userSeesHistory(site(), logins.carried),
			readingsAccumulate(site(), (celsius) => control.sendUplink(celsius)),
			errorRate(site()),
			loginSuccess(site()),
			rowCounts(site()),
			scheduledJobs(site()),
			confirmationSent(site(), (id) => control.inMailbox(id)),
			namesPointTo(site(), site().outputs.reservedIp),
		],
	};
}

async function notice(rehearsal: Rehearsal, kind: NoticeKind): Promise<string> {
	const { outputs, config } = rehearsal.site("production");
	const { from, to } = JSON.parse(config.notices ?? "{}") as {
		from: string;
		to: string[];
	};
	const { messageId } = await sendNotice("production", kind, {
		smtpUrl: config.smtpUrl ?? "",
		from,
		to,
		domain: outputs.domain,
	});
	return messageId;
}

function movedBy(hours: number): string {
	moveClock(hours * 3_600);
	return `the ladder's clock is ${clockOffsetSeconds() / 3_600} h ahead of the wall clock`;
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
