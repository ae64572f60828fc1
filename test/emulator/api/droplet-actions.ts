import { z } from "zod";
import type { Context } from "../context";
import type { Action, Droplet } from "../state";
import { actionView, findAction, newestFirst, startAction } from "./actions";
import { findDroplet, refuseLocked } from "./droplets";
import { badRequest, notFound, unprocessable } from "./errors";
import { paginate } from "./pagination";
import { type Route, route } from "./router";
import * as shape from "./shapes";

const list = "/v2/droplets/{droplet_id}/actions";
const request = z.object({ type: z.string(), name: z.string().optional() });
type Request = z.infer<typeof request>;

export function dropletActionRoutes(context: Context): Route[] {
	const { state } = context;
	const of = (droplet: Droplet) => (action: Action) =>
		action.resourceType === "droplet" && action.resourceId === droplet.id;
	return [
		route({
			method: "GET",
			path: list,
			status: 200,
			answer: shape.list("actions", shape.action),
			handle: (call) => {
				const droplet = findDroplet(state, call.params.droplet_id);
				return paginate(
					call,
					"actions",
					newestFirst(state, of(droplet)),
					actionView,
				);
			},
		}),
		route({
			method: "POST",
			path: list,
			status: 201,
			request,
			answer: shape.one("action", shape.action),
			handle: (call) => {
				const droplet = findDroplet(state, call.params.droplet_id);
				return { action: actionView(act(context, droplet, call.body)) };
			},
		}),
		route({
			method: "POST",
			path: "/v2/droplets/actions",
			status: 201,
			request,
			answer: shape.bareList("actions", shape.action),
			handle: (call) => {
				const tag = call.query.get("tag_name");
				if (!tag) throw badRequest("tag_name is required");
				if (!state.tags.has(tag)) throw notFound();
				return {
					actions: [...state.droplets.values()]
						.filter((droplet) => droplet.tags.has(tag))
						.map((droplet) => actionView(act(context, droplet, call.body))),
				};
			},
		}),
		route({
			method: "GET",
			path: `${list}/{action_id}`,
			status: 200,
			answer: shape.one("action", shape.action),
			handle: (call) => {
				const droplet = findDroplet(state, call.params.droplet_id);
				return {
					action: actionView(
						findAction(state, call.params.action_id, of(droplet)),
					),
				};
			},
		}),
	];
}

/** Starts an action; actions on what the emulator does not have are refused. */
function act(context: Context, droplet: Droplet, body: Request): Action {
	const work = workOf(context, droplet, body);
	refuseLocked(droplet);
	droplet.locked = true;
	const unlock = () => {
		droplet.locked = false;
	};
	return startAction(
		context,
		{
			type: body.type,
			resourceId: droplet.id,
			resourceType: "droplet",
			regionSlug: droplet.regionSlug,
		},
		async () => {
			await context.queues.run(`droplet ${droplet.id}`, work);
			unlock();
		},
		unlock,
	);
}

function workOf(
	{ machines }: Context,
	droplet: Droplet,
	body: Request,
): () => Promise<void> {
	const power = async (to: "on" | "off" | "reboot") => {
		await machines.power(droplet.id, to);
		droplet.status = to === "off" ? "off" : "active";
	};
	switch (body.type) {
		case "power_on":
			return () => power("on");
		case "power_off":
		case "shutdown":
			return () => power("off");
		case "reboot":
		case "power_cycle":
			if (droplet.status === "off")
				throw unprocessable(
					"Droplet is currently off. Please power it on to run this event.",
				);
			return () => power("reboot");
		case "rename": {
			const { name } = body;
			if (!name) throw unprocessable("Name can't be blank");
			return async () => {
				droplet.name = name;
			};
		}
		default:
			throw unprocessable(
				`The action ${body.type} is not one that this emulator performs.`,
			);
	}
}
