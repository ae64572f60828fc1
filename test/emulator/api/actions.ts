import type { Context } from "../context";
import type { Action, State } from "../state";
import { regionView } from "./catalog";
import { notFound } from "./errors";
import { paginate } from "./pagination";
import { type Route, route } from "./router";
import * as shape from "./shapes";

export function actionRoutes({ state }: Context): Route[] {
	return [
		route({
			method: "GET",
			path: "/v2/actions",
			status: 200,
			answer: shape.list("actions", shape.action),
			handle: (call) =>
				paginate(
					call,
					"actions",
					newestFirst(state, () => true),
					actionView,
				),
		}),
		route({
			method: "GET",
			path: "/v2/actions/{action_id}",
			status: 200,
			answer: shape.one("action", shape.action),
			handle: (call) => ({
				action: actionView(findAction(state, call.params.action_id)),
			}),
		}),
	];
}

/**
 * Records an action as in-progress and does its work behind the answer; the
 * action ends completed, or errored when the work fails (`onError` then puts
 * the resource into the state that it is left in).
 */
export function startAction(
	{ state, clock, ids, background }: Context,
	start: Pick<
		Action,
		"type" | "resourceId" | "resourceType" | "regionSlug" | "projectId"
	>,
	work: () => Promise<void>,
	onError: () => void = () => {},
): Action {
	const action: Action = {
		...start,
		id: ids.number(),
		status: "in-progress",
		startedAt: clock.timestamp(),
		completedAt: null,
	};
	state.actions.set(action.id, action);
	const finish = (status: Action["status"]) => {
		action.status = status;
		action.completedAt = clock.timestamp();
	};
	background.run(
		`${action.type} of ${action.resourceType} ${action.resourceId}`,
		async () => {
			await work();
			finish("completed");
		},
		() => {
			finish("errored");
			onError();
		},
	);
	return action;
}

export function newestFirst(
	state: State,
	wanted: (action: Action) => boolean,
): Action[] {
	return [...state.actions.values()].filter(wanted).reverse();
}

export function findAction(
	state: State,
	id = "",
	wanted: (action: Action) => boolean = () => true,
): Action {
	const action = state.actions.get(Number(id));
	if (!action || !wanted(action)) throw notFound();
	return action;
}

export const actionView = (action: Action) => ({
	id: action.id,
	status: action.status,
	type: action.type,
	started_at: action.startedAt,
	completed_at: action.completedAt,
	resource_id: action.resourceId,
	resource_type: action.resourceType,
	region: regionView(action.regionSlug),
	region_slug: action.regionSlug,
	...(action.projectId ? { project_id: action.projectId } : {}),
});

/** The link to an action that answers to creations carry. */
export const actionLink = (origin: string, action: Action, rel: string) => ({
	id: action.id,
	rel,
	href: `${origin}/v2/actions/${action.id}`,
});
