import { z } from "zod";
import type { Context } from "../context";
import type { State } from "../state";
import { refreshDatabaseFirewalls } from "./database-firewall";
import { notFound } from "./errors";
import { refreshFirewalls } from "./firewall-rules";
import { paginate } from "./pagination";
import { type Call, type Route, route } from "./router";
import * as shape from "./shapes";

const item = "/v2/tags/{tag_id}";
export const tagName = z
	.string()
	.max(255)
	.regex(
		/^[a-zA-Z0-9_\-:]+$/,
		"may only contain letters, numbers, colons, dashes, and underscores",
	);

const resources = z.object({
	resources: z.array(
		z.object({ resource_id: z.coerce.string(), resource_type: z.string() }),
	),
});

export function tagRoutes(context: Context): Route[] {
	const { state } = context;
	const change =
		(apply: (tagged: Set<string>, tag: string) => void) =>
		(call: Call<z.infer<typeof resources>>) => {
			const tag = find(state, call.params.tag_id);
			const tagged = call.body.resources.map((resource) =>
				findTagged(state, resource.resource_type, resource.resource_id),
			);
			for (const { tags } of tagged) apply(tags, tag);
			refreshFirewalls(context);
			refreshDatabaseFirewalls(context);
		};
	return [
		route({
			method: "GET",
			path: "/v2/tags",
			status: 200,
			answer: shape.list("tags", shape.tag),
			handle: (call) =>
				paginate(call, "tags", state.tags, (name) => view(state, name)),
		}),
		route({
			method: "POST",
			path: "/v2/tags",
			status: 201,
			request: z.object({ name: tagName }),
			answer: shape.one("tag", shape.tag),
			handle: ({ body }) => {
				state.tags.add(body.name);
				return { tag: view(state, body.name) };
			},
		}),
		route({
			method: "GET",
			path: item,
			status: 200,
			answer: shape.one("tag", shape.tag),
			handle: (call) => ({ tag: view(state, find(state, call.params.tag_id)) }),
		}),
		route({
			method: "DELETE",
			path: item,
			status: 204,
			handle: (call) => {
				const tag = find(state, call.params.tag_id);
				state.tags.delete(tag);
				for (const tagged of [
					...state.droplets.values(),
					...state.databases.values(),
					...state.firewalls.values(),
				])
					tagged.tags.delete(tag);
				refreshFirewalls(context);
				refreshDatabaseFirewalls(context);
			},
		}),
		route({
			method: "POST",
			path: `${item}/resources`,
			status: 204,
			request: resources,
			handle: change((tags, tag) => tags.add(tag)),
		}),
		route({
			method: "DELETE",
			path: `${item}/resources`,
			status: 204,
			request: resources,
			handle: change((tags, tag) => tags.delete(tag)),
		}),
	];
}

function find(state: State, name = ""): string {
	if (!state.tags.has(name)) throw notFound();
	return name;
}

function findTagged(
	state: State,
	type: string,
	id: string,
): { tags: Set<string> } {
	// Images, volumes and snapshots can be tagged too, but there are none here.
	const tagged =
		type === "droplet"
			? state.droplets.get(Number(id))
			: type === "database"
				? state.databases.get(id)
				: undefined;
	if (!tagged) throw notFound();
	return tagged;
}

function view(state: State, name: string) {
	const tagged = (items: Iterable<{ tags: Set<string> }>) => ({
		count: [...items].filter((item) => item.tags.has(name)).length,
	});
	const droplets = tagged(state.droplets.values());
	const databases = tagged(state.databases.values());
	const none = { count: 0 };
	return {
		name,
		resources: {
			count: droplets.count + databases.count,
			droplets,
			images: none,
			volumes: none,
			volume_snapshots: none,
			databases,
		},
	};
}
