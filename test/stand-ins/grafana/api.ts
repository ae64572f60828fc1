import type { Annotations } from "./annotations";
import { forward, health, reason } from "./data-source";
import type { Dashboard, DataSource, Provisioned } from "./provisioning";
import { version } from "./settings";

/** A request, as far as anything here looks at it. */
export interface Asked {
	method: string;
	/** Decoded, by the names in the route's pattern. */
	parts: Record<string, string>;
	/** What follows the path of a proxied request. */
	rest: string;
	query: URLSearchParams;
	type: string | undefined;
	body: string;
}

export interface Answer {
	status: number;
	body: unknown;
	/** Default JSON. */
	type?: string;
}

export interface World {
	provisioned: Provisioned;
	annotations: Annotations;
	user: string;
}

type Handler = (world: World, asked: Asked) => Answer | Promise<Answer>;

const ok = (body: unknown): Answer => ({ status: 200, body });
const message = (status: number, text: string): Answer => ({
	status,
	body: { message: text },
});

/**
 * What is answered of Grafana's HTTP API
 * (https://grafana.com/docs/grafana/latest/developers/http_api/), by "METHOD /path":
 * what checks, dashboards and the ladder ask. All else is 404.
 */
export const routes: Record<string, Handler> = {
	"GET /api/health": () =>
		ok({ database: "ok", version, commit: "stand-in", enterpriseCommit: "" }),
	"GET /api/user": ({ user }) =>
		ok({
			...{ id: 1, uid: "1", login: user, name: "", email: "" },
			...{ orgId: 1, isGrafanaAdmin: true, isDisabled: false, authLabels: [] },
		}),
	"GET /api/org": () => ok({ id: 1, name: "Main Org." }),

	"GET /api/datasources": ({ provisioned }) =>
		ok(provisioned.dataSources.map(dataSourceModel)),
	"GET /api/datasources/uid/:uid": withSource((source) =>
		ok(dataSourceModel(source)),
	),
	"GET /api/datasources/uid/:uid/health": withSource(async (source) => {
		const found = await health(source);
		return { status: found.status === "OK" ? 200 : 400, body: found };
	}),
	"GET /api/datasources/proxy/uid/:uid/*": withSource(proxy),
	"POST /api/datasources/proxy/uid/:uid/*": withSource(proxy),

	"GET /api/search": search,
	"GET /api/dashboards/uid/:uid": ({ provisioned }, { parts }) => {
		const dashboard = provisioned.dashboards.find(
			({ json }) => json.uid === parts.uid,
		);
		return dashboard
			? ok(dashboardModel(dashboard))
			: message(404, "Dashboard not found");
	},

	"GET /api/annotations": searchAnnotations,
	"POST /api/annotations": ({ annotations }, { body }) =>
		ok({ message: "Annotation added", id: annotations.add(JSON.parse(body)) }),
	"GET /api/annotations/:id": withAnnotation((world, id) =>
		ok(world.annotations.find(id)),
	),
	"PATCH /api/annotations/:id": withAnnotation(({ annotations }, id, body) => {
		annotations.change(id, JSON.parse(body));
		return message(200, "Annotation patched");
	}),
	"DELETE /api/annotations/:id": withAnnotation(({ annotations }, id) => {
		annotations.remove(id);
		return message(200, "Annotation deleted");
	}),

	"GET /api/v1/provisioning/contact-points": ({ provisioned }) =>
		ok(
			provisioned.contactPoints.map((each) => ({
				...each,
				provenance: "file",
			})),
		),
	"GET /api/v1/provisioning/policies": ({ provisioned }) => {
		const [policy] = provisioned.policies;
		return ok({
			receiver: policy?.receiver ?? "",
			group_by: policy?.group_by ?? [],
			provenance: "file",
		});
	},
};

function withSource(
	then: (source: DataSource, asked: Asked) => Answer | Promise<Answer>,
): Handler {
	return ({ provisioned }, asked) => {
		const source = provisioned.dataSources.find(
			({ uid }) => uid === asked.parts.uid,
		);
		return source ? then(source, asked) : message(404, "Data source not found");
	};
}

function withAnnotation(
	then: (world: World, id: number, body: string) => Answer,
): Handler {
	return (world, { parts, body }) => {
		const id = Number(parts.id);
		return world.annotations.find(id)
			? then(world, id, body)
			: message(404, "Annotation not found");
	};
}

async function proxy(source: DataSource, asked: Asked): Promise<Answer> {
	try {
		const query = asked.query.size > 0 ? `?${asked.query}` : "";
		return await forward(source, `${asked.rest}${query}`, asked);
	} catch (error) {
		return message(502, `${source.uid}: ${reason(error)}`);
	}
}

function search({ provisioned }: World, { query }: Asked): Answer {
	refuseOthers(query, ["type", "query", "tag", "limit"]);
	const type = query.get("type");
	if (type !== null && type !== "dash-db") {
		return message(400, `the stand-in finds no ${type}`);
	}
	const words = (query.get("query") ?? "").toLowerCase();
	const tags = query.getAll("tag");
	return ok(
		provisioned.dashboards
			.filter(({ json }) => json.title.toLowerCase().includes(words))
			.filter(({ json }) => tags.every((tag) => json.tags.includes(tag)))
			.slice(0, Number(query.get("limit") ?? 1000))
			.map(({ json, folder }, index) => ({
				...{ id: index + 1, uid: json.uid, title: json.title },
				...{ uri: `db/${json.uid}`, url: `/d/${json.uid}` },
				...{ type: "dash-db", tags: json.tags, isStarred: false },
				...{ folderUid: folder.uid, folderTitle: folder.title },
			})),
	);
}

function searchAnnotations({ annotations }: World, { query }: Asked): Answer {
	refuseOthers(query, ["from", "to", "tags", "matchAny", "limit", "type"]);
	return ok(
		annotations.search({
			from: Number(query.get("from") ?? 0),
			to: Number(query.get("to") ?? Number.MAX_SAFE_INTEGER),
			tags: query.getAll("tags"),
			matchAny: query.get("matchAny") === "true",
			limit: Number(query.get("limit") ?? 100),
		}),
	);
}

/** A parameter that nothing here looks at would be an answer to another question. */
function refuseOthers(query: URLSearchParams, known: string[]): void {
	for (const name of query.keys()) {
		if (known.includes(name)) continue;
		throw new Refused(400, `the stand-in does not know the parameter ${name}`);
	}
}

/** An answer that is no success, from deep inside. */
export class Refused extends Error {
	constructor(
		readonly status: number,
		message: string,
	) {
		super(message);
	}
}

function dataSourceModel(source: DataSource) {
	const { uid, name, type, url, access, orgId, isDefault, jsonData } = source;
	return {
		...{ id: 1, uid, orgId, name, type, typeName: type, access, url },
		...{ isDefault, jsonData, readOnly: !source.editable },
		...{ user: "", database: "", basicAuth: false },
	};
}

function dashboardModel({ json, written, file, folder }: Dashboard) {
	return {
		dashboard: written,
		meta: {
			...{ type: "db", slug: json.uid, url: `/d/${json.uid}` },
			...{ canSave: false, canEdit: false, canAdmin: false },
			...{ folderUid: folder.uid, folderTitle: folder.title },
			...{ provisioned: true, provisionedExternalId: file },
		},
	};
}
