import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

const orgId = z.literal(1).default(1);

const dataSource = z.strictObject({
	uid: z.string().min(1),
	name: z.string().min(1),
	type: z.enum(["prometheus", "loki"]),
	url: z.url({ protocol: /^https?$/ }),
	access: z.literal("proxy"),
	orgId,
	isDefault: z.boolean().default(false),
	editable: z.boolean().default(false),
	jsonData: z.record(z.string(), z.unknown()).default({}),
});
export type DataSource = z.infer<typeof dataSource>;

const dataSourcesFile = z.strictObject({
	apiVersion: z.literal(1),
	datasources: z.array(dataSource),
});

const providersFile = z.strictObject({
	apiVersion: z.literal(1),
	providers: z.array(
		z.strictObject({
			name: z.string().min(1),
			type: z.literal("file"),
			orgId,
			folder: z.string().default(""),
			folderUid: z.string().default(""),
			allowUiUpdates: z.boolean().default(false),
			disableDeletion: z.boolean().default(false),
			options: z.strictObject({ path: z.string().min(1) }),
		}),
	),
});

const receiver = z.strictObject({
	uid: z.string().min(1),
	type: z.literal("prometheus-alertmanager"),
	settings: z.strictObject({ url: z.url({ protocol: /^https?$/ }) }),
	disableResolveMessage: z.boolean().default(false),
});

const alertingFile = z.strictObject({
	apiVersion: z.literal(1),
	contactPoints: z
		.array(
			z.strictObject({
				orgId,
				name: z.string().min(1),
				receivers: z.array(receiver).min(1),
			}),
		)
		.default([]),
	policies: z
		.array(
			z.strictObject({
				orgId,
				receiver: z.string().min(1),
				group_by: z.array(z.string()).default([]),
			}),
		)
		.max(1, "one tree of policies for an organization")
		.default([]),
});

const dashboardFile = z.looseObject({
	uid: z.string().min(1).max(40),
	title: z.string().min(1, "a title"),
	tags: z.array(z.string()).default([]),
	time: z
		.object({ from: z.string(), to: z.string() })
		.default({ from: "now-6h", to: "now" }),
	panels: z.array(z.looseObject({ type: z.string() })).default([]),
});
export type DashboardJson = z.infer<typeof dashboardFile>;

export interface Dashboard {
	json: DashboardJson;
	/** As it stands in the file. */
	written: unknown;
	file: string;
	folder: { uid: string; title: string };
}

export type ContactPoint = z.infer<typeof receiver> & { name: string };

export interface Provisioned {
	dataSources: DataSource[];
	dashboards: Dashboard[];
	contactPoints: ContactPoint[];
	policies: z.infer<typeof alertingFile>["policies"];
}

/**
 * Reads what Grafana would provision itself with.
 *
 * @param folder of datasources/, dashboards/ and alerting/.
 * @throws Error naming the file and what is wrong in it: also what Grafana would not
 *   use, for nobody meant that.
 */
export function readProvisioning(folder: string): Provisioned {
	const read = <T>(kind: string, schema: z.ZodType<T>) =>
		filesIn(join(folder, kind), /\.ya?ml$/).map((file) =>
			checked(file, schema, parse(readFileSync(file, "utf8"))),
		);
	const dataSources = read("datasources", dataSourcesFile).flatMap(
		({ datasources }) => datasources,
	);
	refuseRepeated(
		"data sources",
		dataSources.map(({ uid }) => uid),
	);
	refuseRepeated(
		"data sources",
		dataSources.map(({ name }) => name),
	);
	if (dataSources.filter(({ isDefault }) => isDefault).length > 1) {
		throw new Error("two data sources are the default");
	}
	const dashboards = read("dashboards", providersFile)
		.flatMap(({ providers }) => providers)
		.flatMap(({ options, folder: title, folderUid: uid }) => {
			if (!existsSync(options.path)) {
				throw new Error(`no folder of dashboards at ${options.path}`);
			}
			return filesIn(options.path, /\.json$/).map((file): Dashboard => {
				const written = parseJson(file);
				const json = checked(file, dashboardFile, written);
				return { json, written, file, folder: { uid, title } };
			});
		});
	refuseRepeated(
		"dashboards",
		dashboards.map(({ json }) => json.uid),
	);
	const alerting = read("alerting", alertingFile);
	const contactPoints = alerting
		.flatMap((file) => file.contactPoints)
		.flatMap(({ name, receivers }) =>
			receivers.map((each) => ({ ...each, name })),
		);
	const policies = alerting.flatMap((file) => file.policies);
	for (const policy of policies) {
		if (contactPoints.some(({ name }) => name === policy.receiver)) continue;
		throw new Error(
			`the policy's receiver "${policy.receiver}" is no contact point`,
		);
	}
	return { dataSources, dashboards, contactPoints, policies };
}

function filesIn(folder: string, kind: RegExp): string[] {
	if (!existsSync(folder)) return [];
	return readdirSync(folder)
		.filter((name) => kind.test(name))
		.sort()
		.map((name) => join(folder, name));
}

function parseJson(file: string): unknown {
	try {
		return JSON.parse(readFileSync(file, "utf8"));
	} catch (error) {
		throw new Error(`${file}: ${(error as Error).message}`);
	}
}

function checked<T>(file: string, schema: z.ZodType<T>, content: unknown): T {
	const parsed = schema.safeParse(content);
	if (parsed.success) return parsed.data;
	throw new Error(`${file}: ${z.prettifyError(parsed.error)}`);
}

function refuseRepeated(what: string, names: string[]): void {
	const twice = names.find((name, index) => names.indexOf(name) < index);
	if (twice !== undefined) throw new Error(`two ${what} are "${twice}"`);
}
