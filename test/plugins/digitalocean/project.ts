import type { ProjectArgs, ProjectResourcesArgs } from "@pulumi/digitalocean";
import type { Unwrap } from "@pulumi/pulumi";
import { until } from "../base/poll";
import { typed } from "../base/typed";
import { ApiError, during } from "./api";
import { api } from "./client";

type Args = Unwrap<ProjectArgs>;

interface Project {
	id: string;
	name: string;
	description: string;
	purpose: string;
	environment: string;
	is_default: boolean;
	owner_uuid: string;
	owner_id: number;
	created_at: string;
	updated_at: string;
}

/** Longest wait for a project to be empty, by the official provider. */
const DELETE_SECONDS = 180;

function outputs(project: Project, resources: string[]) {
	return {
		name: project.name,
		// The API marks purposes that are not from its own list.
		purpose: project.purpose.replace(/^Other: /, ""),
		description: project.description,
		environment: project.environment,
		isDefault: project.is_default,
		ownerUuid: project.owner_uuid,
		ownerId: project.owner_id,
		createdAt: project.created_at,
		updatedAt: project.updated_at,
		resources,
	};
}

export type ProjectState = ReturnType<typeof outputs>;

async function urns(projectId: string): Promise<string[]> {
	const resources = await api().list<{ urn: string }>(
		`/v2/projects/${projectId}/resources`,
		"resources",
	);
	return resources.map(({ urn }) => urn);
}

/** A project with the URNs of what is in it, or undefined where it is gone. */
export async function readProject(
	id: string,
): Promise<ProjectState | undefined> {
	const found = await during(
		"Error reading Project",
		api().find<{ project: Project }>(`/v2/projects/${id}`),
	);
	return found && outputs(found.project, await urns(id));
}

async function get(id: string): Promise<ProjectState> {
	const state = await readProject(id);
	if (state === undefined) {
		throw new Error(`Error reading Project: ${id} is gone`);
	}
	return state;
}

async function assign(projectId: string, resources: string[]): Promise<void> {
	if (resources.length > 0) {
		await during(
			"Error assigning resources",
			api().request("POST", `/v2/projects/${projectId}/resources`, {
				resources,
			}),
		);
	}
}

/** Resources cannot be in no project: they go to the account's default one. */
async function release(resources: string[]): Promise<void> {
	if (resources.length > 0) {
		await during(
			"Error assigning resources to default project",
			assign("default", resources),
		);
	}
}

/** Assigns what came and releases what went. */
async function move(
	projectId: string,
	olds: string[],
	news: string[],
): Promise<void> {
	await release(olds.filter((urn) => !news.includes(urn)));
	await assign(
		projectId,
		news.filter((urn) => !olds.includes(urn)),
	);
}

/** `digitalocean:index/project:Project` */
export const project = typed<Args, ProjectState>({
	sets: ["resources"],
	defaults: () => ({ purpose: "Web Application" }),
	async create(args) {
		const request = {
			name: args.name,
			purpose: args.purpose,
			description: args.description ?? "",
			...(args.environment ? { environment: args.environment } : {}),
		};
		const { project } = await during(
			"Error creating Project",
			api().request<{ project: Project }>("POST", "/v2/projects", request),
		);
		await assign(project.id, args.resources ?? []);
		if (args.isDefault) {
			await during(
				"Error setting project as default",
				api().request("PUT", `/v2/projects/${project.id}`, {
					name: project.name,
					description: project.description,
					purpose: project.purpose,
					environment: project.environment,
					is_default: true,
				}),
			);
		}
		return { id: project.id, outputs: await get(project.id) };
	},
	async read(id) {
		const state = await readProject(id);
		return state && { id, outputs: state };
	},
	async update(id, olds, news) {
		await during(
			"Error updating Project",
			api().request("PUT", `/v2/projects/${id}`, {
				name: news.name,
				description: news.description ?? "",
				purpose: news.purpose,
				environment: news.environment ?? "",
				is_default: news.isDefault ?? false,
			}),
		);
		if (news.resources) {
			await move(id, olds.resources, news.resources);
		}
		return get(id);
	},
	async delete(id, state, { signal }) {
		await release(state.resources ?? []);
		let refusal = "";
		await until(
			async () => {
				try {
					await api().request("DELETE", `/v2/projects/${id}`);
					return true;
				} catch (error) {
					if (error instanceof ApiError && error.status === 412) {
						refusal = error.message;
						return undefined;
					}
					throw new Error(
						`Error deleting project (${id}): ${error instanceof Error ? error.message : error}`,
					);
				}
			},
			{
				what: () => `the project to be empty: ${refusal}`,
				seconds: DELETE_SECONDS,
				signal,
			},
		);
	},
});

type ResourcesArgs = Unwrap<ProjectResourcesArgs>;

/** Of the URNs named, those that are in the project now. */
async function present(
	projectId: string,
	named: string[],
): Promise<ResourcesArgs> {
	const all = new Set(await urns(projectId));
	return {
		project: projectId,
		resources: named.filter((urn) => all.has(urn)),
	};
}

/** `digitalocean:index/projectResources:ProjectResources` */
export const projectResources = typed<ResourcesArgs, ResourcesArgs>({
	sets: ["resources"],
	async create(args) {
		await assign(args.project, args.resources);
		return {
			id: args.project,
			outputs: await present(args.project, args.resources),
		};
	},
	async read(id, state) {
		const found = await readProject(id);
		return found && { id, outputs: await present(id, state.resources ?? []) };
	},
	async update(id, olds, news) {
		await move(id, olds.resources, news.resources);
		return present(id, news.resources);
	},
	async delete(id, state) {
		if ((await readProject(id)) !== undefined) {
			await release(state.resources);
		}
	},
});
