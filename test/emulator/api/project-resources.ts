import type { Context } from "../context";
import type { Project, State } from "../state";
import { notFound } from "./errors";

/** Which project each resource is in. A resource is always in exactly one. */

/** DigitalOcean calls the same address by its older and its newer name. */
export const canonicalUrn = (urn: string): string =>
	urn.replace(/^do:reservedip:/, "do:floatingip:");

export function defaultProject(state: State): Project {
	for (const project of state.projects.values())
		if (project.isDefault) return project;
	throw new Error("the account has no default project");
}

/** The project with this id; without one (godo sends an empty one), the default. */
export function findProject(state: State, id?: string): Project {
	if (!id || id === "default") return defaultProject(state);
	const project = state.projects.get(id);
	if (!project) throw notFound();
	return project;
}

export function assign(
	{ state, clock }: Context,
	project: Project,
	urn: string,
): void {
	unassign(state, urn);
	const canonical = canonicalUrn(urn);
	project.resources.set(canonical, { urn, assignedAt: clock.timestamp() });
	const [, kind, id = ""] = canonical.split(":");
	const owner =
		kind === "floatingip"
			? state.reservedIps.get(id)
			: kind === "dbaas"
				? state.databases.get(id)
				: undefined;
	if (owner) owner.projectId = project.id;
}

export function assignToDefault(context: Context, urn: string): void {
	assign(context, defaultProject(context.state), urn);
}

export function unassign(state: State, urn: string): void {
	for (const project of state.projects.values())
		project.resources.delete(canonicalUrn(urn));
}

/** The API path of a resource, undefined when the account has no such resource. */
export function resourcePath(state: State, urn: string): string | undefined {
	const [scheme, kind, ...rest] = canonicalUrn(urn).split(":");
	const id = rest.join(":");
	if (scheme !== "do") return undefined;
	if (kind === "droplet" && state.droplets.has(Number(id)))
		return `/v2/droplets/${id}`;
	if (kind === "domain" && state.domains.has(id)) return `/v2/domains/${id}`;
	if (kind === "floatingip" && state.reservedIps.has(id))
		return `/v2/reserved_ips/${id}`;
	if (kind === "dbaas" && state.databases.has(id)) return `/v2/databases/${id}`;
	return undefined;
}
