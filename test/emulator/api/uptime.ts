import { z } from "zod";
import type { Context } from "../context";
import type { State, UptimeAlert, UptimeCheck } from "../state";
import { notFound, unprocessable } from "./errors";
import { paginate } from "./pagination";
import { type Route, route } from "./router";
import * as shape from "./shapes";

const checks = "/v2/uptime/checks";
const check = `${checks}/{check_id}`;
const alerts = `${check}/alerts`;
const alert = `${alerts}/{alert_id}`;

const region = z.enum(["us_east", "us_west", "eu_west", "se_asia"]);
const name = z.string().min(1);
/** Clients leave out what they do not want, or send null for an empty list. */
const list = <T extends z.ZodType>(item: T) =>
	z
		.array(item)
		.nullish()
		.transform((items) => items ?? []);

const checkFields = z.object({
	name,
	type: z.enum(["ping", "http", "https"]),
	target: z.string().min(1),
	regions: list(region),
	enabled: z.boolean().default(true),
});

const alertFields = z.object({
	name,
	type: z.enum(["latency", "down", "down_global", "ssl_expiry"]),
	threshold: z.int().optional(),
	comparison: z
		.enum(["greater_than", "less_than", ""])
		.optional()
		.transform((sign) => sign || undefined),
	notifications: z.object({
		email: list(z.email()),
		slack: list(z.object({ channel: z.string(), url: z.url() })),
	}),
	period: z.enum(["2m", "3m", "5m", "10m", "15m", "30m", "1h"]),
});

/** Uptime checks and their alerts. Nothing is asked and nobody is told: they are kept. */
export function uptimeRoutes({ state, ids, clock }: Context): Route[] {
	return [
		route({
			method: "GET",
			path: checks,
			status: 200,
			answer: shape.list("checks", shape.uptimeCheck),
			handle: (call) =>
				paginate(call, "checks", state.uptimeChecks.values(), checkView),
		}),
		route({
			method: "POST",
			path: checks,
			status: 201,
			request: checkFields,
			answer: shape.one("check", shape.uptimeCheck),
			handle: ({ body }) => {
				const made: UptimeCheck = {
					...body,
					...{ id: ids.uuid(), createdAt: clock.timestamp() },
					// None asked for is all of them.
					regions: body.regions.length > 0 ? body.regions : region.options,
					alerts: new Map(),
				};
				state.uptimeChecks.set(made.id, made);
				return { check: checkView(made) };
			},
		}),
		route({
			method: "GET",
			path: check,
			status: 200,
			answer: shape.one("check", shape.uptimeCheck),
			handle: ({ params }) => ({ check: checkView(find(state, params)) }),
		}),
		route({
			method: "PUT",
			path: check,
			status: 200,
			request: checkFields.partial(),
			answer: shape.one("check", shape.uptimeCheck),
			handle: ({ params, body }) => {
				const changed = find(state, params);
				Object.assign(changed, given(body));
				return { check: checkView(changed) };
			},
		}),
		route({
			method: "DELETE",
			path: check,
			status: 204,
			handle: ({ params }) => {
				state.uptimeChecks.delete(find(state, params).id);
			},
		}),
		route({
			method: "GET",
			path: `${check}/state`,
			status: 200,
			answer: shape.one("state", shape.uptimeState),
			handle: ({ params }) => {
				const { regions, createdAt } = find(state, params);
				const none = {
					status: "CHECKING",
					status_changed_at: createdAt,
					thirty_day_uptime_percentage: 0,
				};
				return {
					state: {
						regions: Object.fromEntries(regions.map((each) => [each, none])),
					},
				};
			},
		}),
		route({
			method: "GET",
			path: alerts,
			status: 200,
			answer: shape.list("alerts", shape.uptimeAlert),
			handle: (call) =>
				paginate(
					call,
					"alerts",
					find(state, call.params).alerts.values(),
					(one) => one,
				),
		}),
		route({
			method: "POST",
			path: alerts,
			status: 201,
			request: alertFields,
			answer: shape.one("alert", shape.uptimeAlert),
			handle: ({ params, body }) => {
				const made: UptimeAlert = { ...complete(body), id: ids.uuid() };
				find(state, params).alerts.set(made.id, made);
				return { alert: made };
			},
		}),
		route({
			method: "GET",
			path: alert,
			status: 200,
			answer: shape.one("alert", shape.uptimeAlert),
			handle: ({ params }) => ({ alert: findAlert(state, params) }),
		}),
		route({
			method: "PUT",
			path: alert,
			status: 200,
			request: alertFields,
			answer: shape.one("alert", shape.uptimeAlert),
			handle: ({ params, body }) => {
				const { id } = findAlert(state, params);
				const changed: UptimeAlert = { ...complete(body), id };
				find(state, params).alerts.set(id, changed);
				return { alert: changed };
			},
		}),
		route({
			method: "DELETE",
			path: alert,
			status: 204,
			handle: ({ params }) => {
				find(state, params).alerts.delete(findAlert(state, params).id);
			},
		}),
	];
}

/** A threshold belongs to what is measured, and to nothing else. */
function complete(body: z.output<typeof alertFields>) {
	const measured = body.type === "latency" || body.type === "ssl_expiry";
	if (measured && (!body.threshold || !body.comparison))
		throw unprocessable(
			`threshold and comparison are needed for alerts of type ${body.type}`,
		);
	const { threshold, comparison, ...rest } = body;
	return measured ? { ...rest, threshold, comparison } : rest;
}

const given = (body: object) =>
	Object.fromEntries(
		Object.entries(body).filter(([, value]) => value !== undefined),
	);

function find(state: State, { check_id = "" }: Record<string, string>) {
	const found = state.uptimeChecks.get(check_id);
	if (!found) throw notFound();
	return found;
}

function findAlert(state: State, params: Record<string, string>) {
	const found = find(state, params).alerts.get(params.alert_id ?? "");
	if (!found) throw notFound();
	return found;
}

const checkView = ({
	alerts: _alerts,
	createdAt: _createdAt,
	...view
}: UptimeCheck) => view;
