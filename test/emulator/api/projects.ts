import { z } from "zod";
import type { Context } from "../context";
import type { Project } from "../state";
import { badRequest, conflict, preconditionFailed } from "./errors";
import { paginate } from "./pagination";
import {
	assign,
	canonicalUrn,
	defaultProject,
	findProject,
	resourcePath,
} from "./project-resources";
import { type Call, type Route, route } from "./router";
import * as shape from "./shapes";

const item = "/v2/projects/{project_id}";
const environment = z
	.enum(["Development", "Staging", "Production"])
	.or(z.literal("").transform(() => "Development" as const));
const fields = {
	name: z.string().min(1).max(175),
	description: z.string().max(255),
	purpose: z.string().min(1).max(255),
	environment,
};
const patch = z.object({
	name: fields.name.optional(),
	description: fields.description.optional(),
	purpose: fields.purpose.optional(),
	environment: environment.optional(),
	is_default: z.boolean().optional(),
});

export function projectRoutes(context: Context): Route[] {
	const { state, ids, clock } = context;
	const refuseTakenName = (name: string, except?: Project) => {
		for (const project of state.projects.values())
			if (project !== except && project.name === name)
				throw conflict("name is already in use");
	};
	const change = (call: Call<z.infer<typeof patch>>) => {
		const project = findProject(state, call.params.project_id);
		const { is_default, name, ...rest } = call.body;
		if (name !== undefined) {
			refuseTakenName(name, project);
			project.name = name;
		}
		Object.assign(
			project,
			Object.fromEntries(
				Object.entries(rest).filter(([, value]) => value !== undefined),
			),
		);
		if (is_default) {
			defaultProject(state).isDefault = false;
			project.isDefault = true;
		}
		project.updatedAt = clock.timestamp();
		return { project: view(project) };
	};
	const resourceView = (
		origin: string,
		urn: string,
		assignedAt: string,
		status: string,
	) => ({
		urn,
		assigned_at: assignedAt,
		links: { self: `${origin}${resourcePath(state, urn)}` },
		status,
	});
	return [
		route({
			method: "GET",
			path: "/v2/projects",
			status: 200,
			answer: shape.list("projects", shape.project),
			handle: (call) =>
				paginate(call, "projects", state.projects.values(), view),
		}),
		route({
			method: "POST",
			path: "/v2/projects",
			status: 201,
			request: z.object({
				...fields,
				description: fields.description.default(""),
				environment: environment.default("Development"),
			}),
			answer: shape.one("project", shape.project),
			handle: ({ body }) => {
				refuseTakenName(body.name);
				const now = clock.timestamp();
				const project: Project = {
					...body,
					id: ids.uuid(),
					isDefault: false,
					createdAt: now,
					updatedAt: now,
					resources: new Map(),
				};
				state.projects.set(project.id, project);
				return { project: view(project) };
			},
		}),
		route({
			method: "GET",
			path: item,
			status: 200,
			answer: shape.one("project", shape.project),
			handle: (call) => ({
				project: view(findProject(state, call.params.project_id)),
			}),
		}),
		route({
			method: "PUT",
			path: item,
			status: 200,
			request: z.object({ ...fields, is_default: z.boolean() }),
			answer: shape.one("project", shape.project),
			handle: change,
		}),
		route({
			method: "PATCH",
			path: item,
			status: 200,
			request: patch,
			answer: shape.one("project", shape.project),
			handle: change,
		}),
		route({
			method: "DELETE",
			path: item,
			status: 204,
			handle: (call) => {
				const project = findProject(state, call.params.project_id);
				if (project.resources.size > 0)
					throw preconditionFailed("cannot delete a project with resources");
				if (project.isDefault)
					throw preconditionFailed("cannot delete the default project");
				state.projects.delete(project.id);
			},
		}),
		route({
			method: "GET",
			path: `${item}/resources`,
			status: 200,
			answer: shape.list("resources", shape.projectResource),
			handle: (call) =>
				paginate(
					call,
					"resources",
					findProject(state, call.params.project_id).resources.values(),
					({ urn, assignedAt }) =>
						resourceView(call.origin, urn, assignedAt, "ok"),
				),
		}),
		route({
			method: "POST",
			path: `${item}/resources`,
			status: 200,
			request: z.object({
				resources: z.array(z.string().regex(/^do:\w+:.+/, "is not a URN")),
			}),
			answer: shape.bareList("resources", shape.projectResource),
			handle: (call) => {
				const project = findProject(state, call.params.project_id);
				for (const urn of call.body.resources)
					if (!resourcePath(state, urn))
						throw badRequest(`resource ${urn} does not exist`);
				return {
					resources: call.body.resources.map((urn) => {
						const there = project.resources.get(canonicalUrn(urn));
						if (!there) assign(context, project, urn);
						return resourceView(
							call.origin,
							urn,
							there?.assignedAt ?? clock.timestamp(),
							there ? "already_assigned" : "assigned",
						);
					}),
				};
			},
		}),
	];
}

const view = (project: Project) => ({
	id: project.id,
	owner_uuid: "99525febec065ca37b2ffe4f852fd2b2581895e7",
	owner_id: 1,
	name: project.name,
	description: project.description,
	purpose: project.purpose,
	environment: project.environment,
	is_default: project.isDefault,
	created_at: project.createdAt,
	updated_at: project.updatedAt,
});
