import type { UptimeAlertArgs, UptimeCheckArgs } from "@pulumi/digitalocean";
import type { Unwrap } from "@pulumi/pulumi";
import { typed } from "../base/typed";
import { during } from "./api";
import { api } from "./client";

const CHECKS = "/v2/uptime/checks";

type CheckArgs = Unwrap<UptimeCheckArgs>;

interface Check {
	id: string;
	name: string;
	type: string;
	target: string;
	regions: string[];
	enabled: boolean;
}

function checkOutputs({ name, type, target, regions, enabled }: Check) {
	return { name, type, target, regions, enabled };
}

type CheckState = ReturnType<typeof checkOutputs>;

/** As godo sends it: a list that is not there goes as null. */
function checkRequest(args: CheckArgs) {
	const { name, type, target, regions, enabled } = args;
	return { name, type, target, regions: regions ?? null, enabled };
}

async function readCheck(id: string): Promise<CheckState> {
	const { check } = await during(
		"Error retrieving uptime check",
		api().get<{ check: Check }>(`${CHECKS}/${id}`),
	);
	return checkOutputs(check);
}

/** `digitalocean:index/uptimeCheck:UptimeCheck` */
export const uptimeCheck = typed<CheckArgs, CheckState>({
	sets: ["regions"],
	defaults: () => ({ enabled: true, type: "https" }),
	async create(args) {
		const { check } = await during(
			"Error creating Check",
			api().request<{ check: Check }>("POST", CHECKS, checkRequest(args)),
		);
		return { id: check.id, outputs: await readCheck(check.id) };
	},
	async read(id) {
		const found = await during(
			"Error retrieving uptime check",
			api().find<{ check: Check }>(`${CHECKS}/${id}`),
		);
		return found && { id, outputs: checkOutputs(found.check) };
	},
	async update(id, _olds, news) {
		await during(
			"Error updating uptime check",
			api().request("PUT", `${CHECKS}/${id}`, checkRequest(news)),
		);
		return readCheck(id);
	},
	async delete(id) {
		await during(
			"Error deleting uptime check",
			api().request("DELETE", `${CHECKS}/${id}`),
		);
	},
});

type AlertArgs = Unwrap<UptimeAlertArgs>;

interface Alert {
	id: string;
	name: string;
	type: string;
	threshold?: number;
	comparison?: string;
	notifications: {
		email: string[] | null;
		slack: { channel: string; url: string }[] | null;
	};
	period: string;
}

/** An absent number is 0 to the official provider, an absent word empty. */
function alertOutputs(checkId: string, alert: Alert) {
	const { name, type, threshold, comparison, period } = alert;
	const { email, slack } = alert.notifications;
	return {
		...{ checkId, name, type, period },
		threshold: threshold ?? 0,
		comparison: comparison ?? "",
		notifications: [{ emails: email ?? [], slacks: slack ?? [] }],
	};
}

type AlertState = ReturnType<typeof alertOutputs>;

function alertRequest(args: AlertArgs) {
	const { name, type, threshold, comparison, period } = args;
	const [told] = args.notifications;
	return {
		...{ name, type, period },
		...(threshold ? { threshold } : {}),
		...(comparison ? { comparison } : {}),
		notifications: { email: told?.emails ?? [], slack: told?.slacks ?? [] },
	};
}

const alertPath = (checkId: string, id: string) =>
	`${CHECKS}/${checkId}/alerts/${id}`;

/** `digitalocean:index/uptimeAlert:UptimeAlert`; an import names "CHECK,ALERT". */
export const uptimeAlert = typed<AlertArgs, AlertState>({
	async create(args) {
		const { alert } = await during(
			"Error creating uptime alert",
			api().request<{ alert: Alert }>(
				"POST",
				`${CHECKS}/${args.checkId}/alerts`,
				alertRequest(args),
			),
		);
		return { id: alert.id, outputs: alertOutputs(args.checkId, alert) };
	},
	async read(given, state) {
		const [first = "", second] = given.split(",");
		const [checkId, id] = second ? [first, second] : [state.checkId, first];
		const found = await during(
			"Error retrieving uptime alert",
			api().find<{ alert: Alert }>(alertPath(checkId ?? "", id)),
		);
		return found && { id, outputs: alertOutputs(checkId ?? "", found.alert) };
	},
	async update(id, _olds, news) {
		const { alert } = await during(
			"Error updating uptime alert",
			api().request<{ alert: Alert }>(
				"PUT",
				alertPath(news.checkId, id),
				alertRequest(news),
			),
		);
		return alertOutputs(news.checkId, alert);
	},
	async delete(id, { checkId }) {
		await during(
			"Error deleting uptime alert",
			api().request("DELETE", alertPath(checkId, id)),
		);
	},
});
