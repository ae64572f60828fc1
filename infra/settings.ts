import { readFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { UserError } from "../cutover/errors";
import { signatures } from "../cutover/signatures";
import { alertProblems, alerts } from "./alert-settings";
import { mistake } from "./mistake";

/** The namespace of every key, equal to the project's name in Pulumi.yaml. */
const namespace = "cutover";
/** But for the parts with keys of their own, `users:…`: each an object in the schema. */
const parts = ["migration", "users"] as const;
type Part = (typeof parts)[number];

const hostname = z
	.string()
	.regex(
		/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/,
		"a domain name in lower case",
	);
const ipv4 = z.string().refine(isIPv4, "an IPv4 address");
const cidr = z.string().refine((text) => {
	const [address = "", bits = "", ...rest] = text.split("/");
	return (
		isIPv4(address) &&
		/^\d{1,2}$/.test(bits) &&
		+bits <= 32 &&
		rest.length === 0
	);
}, "an IPv4 network in CIDR form");
const resolver = z
	.string()
	.refine(
		(text) => isIPv4(text.replace(/:\d{1,5}$/, "")),
		"an IPv4 address, with :PORT where it is not 53",
	);
const url = z.url({ protocol: /^https?$/, error: "an http or https URL" });
const image = z
	.string()
	.regex(
		/^[a-z0-9./_-]+(:\d+\/[a-z0-9./_-]+)?:[\w.-]+(@sha256:[0-9a-f]{64})?$/,
		{
			error: "an image with a tag",
		},
	);
const words = z.array(z.string().min(1)).min(1);

/** Reference values where the configuration names none. */
export const defaultImages = {
	backend: "freshtrackpro/backend:1.0.0",
	frontend: "freshtrackpro/frontend:1.0.0",
	cutover: "freshtrackpro/cutover:1.0.0",
	caddy: "caddy:2.11.9",
	otelCollector: "otel/opentelemetry-collector-contrib:0.165.0",
	loki: "grafana/loki:3.5.8",
	prometheus: "prom/prometheus:v2.42.0",
	nodeExporter: "prom/node-exporter:v1.5.0",
	cadvisor: "gcr.io/cadvisor/cadvisor:v0.52.1",
	postgresExporter: "prometheuscommunity/postgres-exporter:v0.11.1",
	blackbox: "prom/blackbox-exporter:v0.23.0",
	grafana: "grafana/grafana:12.4.0",
	alertmanager: "prom/alertmanager:v0.25.0",
	uptimeKuma: "louislam/uptime-kuma:2.5.3-slim",
};

const imageKeys = Object.fromEntries(
	Object.entries(defaultImages).map(([key, reference]) => [
		key,
		image.default(reference),
	]),
) as Record<keyof typeof defaultImages, z.ZodDefault<typeof image>>;

const schema = z.strictObject({
	/** The zone; the site is served at its apex. */
	domain: hostname,
	/** Where the A records point until dnsSwitch: the old system. */
	legacyAddress: ipv4,
	region: z.string().default("nyc3"),
	dropletSize: z.string().default("s-4vcpu-8gb"),
	/** The first is the Swarm's manager and holds the reserved IP. */
	droplets: z.int().min(1, "1 or more").max(9, "9 or fewer").default(1),
	/** Networks that may open ssh; the machine that runs Pulumi is in one. */
	sshCidrs: z.array(cidr).min(1, "at least one network"),
	databaseSize: z.string().default("db-s-1vcpu-1gb"),
	databaseVersion: z.enum(["15", "16", "17"]).default("17"),
	/** Seconds. DigitalOcean takes 30 and up. */
	dnsTtl: z.int().min(30, "30 seconds or more").default(300),
	acme: z.strictObject({
		directory: url,
		/** PEM of the authorities that are not public: of the directory's own TLS, of what it issues. */
		caFile: z.string().optional(),
		email: z.email("an e-mail address"),
	}),
	images: z.strictObject(imageKeys).default(defaultImages),
	/** The backend's program: its image's own command is replaced by an entrypoint. */
	backend: z
		.strictObject({
			command: words.default(["node", "server.js"]),
			migrate: words.default(["node", "server.js", "migrate"]),
			replicas: z.int().min(1).max(20).default(2),
		})
		.prefault({}),
	stackAuth: z.strictObject({
		apiUrl: url,
		projectId: z.string().min(1),
		publishableClientKey: z.string().min(1),
	}),
	stackAuthSecretServerKey: z.string().min(1),
	/** A direct connection to the source, not its transaction pooler. */
	sourceDatabaseUrl: z
		.url({ protocol: /^postgres(ql)?$/, error: "a postgresql:// URL" })
		.optional(),
	ttn: z
		.strictObject({
			apiUrl: url,
			/** One key opens all of them: a user's or an organization's. */
			applicationIds: z.array(z.string().min(1)).min(1, "at least one"),
			/** The new system's. */
			uplinkPath: z.string().startsWith("/").default("/api/webhooks/ttn"),
			/** SQL, $1 a time: dev_eui and received_at of the uplinks that each side holds since. */
			received: z.strictObject({
				source: z.string().min(1),
				target: z.string().min(1),
			}),
		})
		.optional(),
	ttnApiKey: z.string().min(1).optional(),
	/** Providers that a person points to the new system, as Stripe. */
	manualRepoints: z.array(z.string().min(1)).default([]),
	smtpUrl: z
		.url({ protocol: /^smtps?$/, error: "an smtp:// or smtps:// URL" })
		.optional(),
	notices: z
		.strictObject({
			from: z.email(),
			to: z.array(z.email()).min(1),
			/** Whom to call during the cutover. */
			contacts: z.array(z.string().min(1)).default([]),
		})
		.optional(),
	alerts: alerts.optional(),
	migration: z
		.strictObject({
			/** The mapping into the new system's schema; without one, both sides have the same. */
			mapping: z
				.string()
				.regex(/^[a-z][a-z0-9-]*$/, "the name of a file in migration/mapping/")
				.optional(),
			/** Rows that a person agreed to leave behind, as the verification names them. */
			acceptRejects: z
				.array(z.string().regex(/^[^:]+:.+$/, "TABLE:REASON"))
				.default([]),
		})
		.prefault({}),
	users: z
		.strictObject({
			/** Users keep their passwords where these are bcrypt's; else all choose new ones. */
			carryHashes: z.boolean().default(true),
		})
		.prefault({}),
	/** The project at Supabase, to close sign-ups and the data API during a freeze. */
	supabase: z
		.strictObject({
			projectRef: z.string().regex(/^[a-z0-9]{20}$/, "20 letters and digits"),
			apiUrl: url.default("https://api.supabase.com"),
		})
		.optional(),
	supabaseAccessToken: z.string().min(1).optional(),
	/** Seconds that a freeze may last before the source opens by itself, unless names were switched. */
	maxFreeze: z.int().min(30, "30 seconds or more").default(900),
	/** Resolvers of the public, asked after a switch until all agree. */
	resolvers: z.array(resolver).default(["1.1.1.1", "8.8.8.8", "9.9.9.9"]),
	/** Days that the source is kept after `finalize`. */
	keepSourceDays: z.int().min(0).default(7),
	/** Lets a destroy delete the database: without it, it is kept at DigitalOcean. */
	allowDataLoss: z.boolean().default(false),
	/** The stack on which `staging-verified` has to be signed before a sync on this one. */
	verifiedOn: z.string().min(1).optional(),
	/** Written by `npm run checkpoint`. */
	signatures: signatures.default({}),
	sync: z.boolean().default(false),
	freeze: z.boolean().default(false),
	dnsSwitch: z.boolean().default(false),
	finalize: z.boolean().default(false),
});

/** The keys of the namespace, and the parts. */
export const settingNames: readonly string[] = Object.keys(schema.shape);

type Parsed = z.infer<typeof schema>;
type Key = keyof typeof schema.shape;
/** What `pulumi config set` takes: keys, and those of parts behind the part's name. */
type Settable =
	| Exclude<Key, Part>
	| { [P in Part]: `${P}.${keyof Parsed[P] & string}` }[Part];

export interface Settings extends Parsed {
	/** Content of acme.caFile. */
	acmeCa?: string;
	/** What the scripts that talk to DigitalOcean's API need beyond their own environment. */
	apiEnvironment: Record<string, pulumi.Input<string>>;
}

/** One value for each key, as it would be typed behind `pulumi config set`. */
const examples: Record<Settable, string> = {
	domain: "example.com",
	legacyAddress: "198.51.100.7",
	region: "nyc3",
	dropletSize: "s-4vcpu-8gb",
	droplets: "1",
	sshCidrs: '["198.51.100.0/24"]',
	databaseSize: "db-s-1vcpu-1gb",
	databaseVersion: "17",
	dnsTtl: "300",
	acme: '{"directory":"https://acme-v02.api.letsencrypt.org/directory","email":"ops@example.com"}',
	images: '{"backend":"example/backend:1.0.0"}',
	backend: '{"command":["node","server.js"]}',
	stackAuth:
		'{"apiUrl":"https://api.stack-auth.com","projectId":"…","publishableClientKey":"…"}',
	stackAuthSecretServerKey: "ssk_…",
	sourceDatabaseUrl:
		"postgresql://postgres:…@db.example.supabase.co:5432/postgres",
	ttn: '{"apiUrl":"https://nam1.cloud.thethings.network","applicationIds":["example"],"received":{"source":"SELECT dev_eui, received_at FROM public.readings WHERE received_at >= $1","target":"SELECT dev_eui, received_at FROM public.readings WHERE received_at >= $1"}}',
	ttnApiKey: "NNSXS.…",
	manualRepoints: '["Stripe"]',
	smtpUrl: "smtps://user:…@smtp.example.com",
	notices: '{"from":"ops@example.com","to":["users@example.com"]}',
	alerts: '{"to":["ops@example.com"]}',
	"migration.mapping": "NAME",
	"migration.acceptRejects": '["TABLE:REASON"]',
	"users.carryHashes": "true",
	supabase: '{"projectRef":"abcdefghijklmnopqrst"}',
	supabaseAccessToken: "sbp_…",
	maxFreeze: "900",
	resolvers: '["1.1.1.1","8.8.8.8"]',
	keepSourceDays: "7",
	allowDataLoss: "true",
	verifiedOn: "staging",
	signatures: "{}",
	sync: "true",
	freeze: "true",
	dnsSwitch: "true",
	finalize: "true",
};

/** Keys whose values must be encrypted in the stack's file. */
export const secretKeys: readonly Exclude<Key, Part>[] = [
	"stackAuthSecretServerKey",
	"sourceDatabaseUrl",
	"ttnApiKey",
	"smtpUrl",
	"supabaseAccessToken",
];

/** Each flag of the ladder and the one below it. */
const ladder: [Key, Key][] = [
	["freeze", "sync"],
	["dnsSwitch", "freeze"],
	["finalize", "dnsSwitch"],
];

/**
 * Checks a stack's configuration whole.
 *
 * @param config values as Pulumi keeps them: text, structured ones as JSON,
 *   keyed without the namespace.
 * @param isSecret whether a key is stored encrypted.
 * @throws UserError naming every problem at once: key, expected, example.
 */
export function parseSettings(
	config: Record<string, string>,
	isSecret: (key: string) => boolean = () => true,
): Parsed {
	const parsed = schema.safeParse(
		Object.fromEntries(
			Object.entries(config).map(([key, text]) => [key, typed(key, text)]),
		),
	);
	const problems = parsed.success
		? [
				...contradictions(parsed.data),
				...alertProblems(parsed.data, isSecret("alerts")),
			]
		: parsed.error.issues.flatMap(describe);
	for (const key of secretKeys) {
		if (key in config && !isSecret(key)) {
			problems.push(
				`${namespace}:${key}: expected an encrypted value, found plain text; pulumi config set --secret ${namespace}:${key} '${examples[key]}'`,
			);
		}
	}
	if (!parsed.success || problems.length > 0) {
		throw new UserError({
			expected: "a stack configuration without contradictions",
			found: problems.map((problem) => `\n     ${problem}`).join(""),
			fix: "correct these keys with pulumi config set or in the stack's file; nothing was created or changed",
		});
	}
	return parsed.data;
}

/** Text as the schema's type for that key; text that is no JSON stays as it is. */
function typed(key: string, text: string): unknown {
	const type = Object.hasOwn(schema.shape, key)
		? typeUnder(schema.shape[key as Key])
		: "string";
	return type === "string" || type === "enum" ? text : json(text);
}

/** The type under defaults and optionals. */
function typeUnder(type: z.core.$ZodType): string {
	const { def } = type._zod;
	return "innerType" in def
		? typeUnder(def.innerType as z.core.$ZodType)
		: def.type;
}

function describe(issue: z.core.$ZodIssue): string[] {
	const [top] = issue.path;
	if (issue.code === "unrecognized_keys") {
		return issue.keys.map((key) => {
			const full = [...issue.path, key].join(".");
			const known =
				top === undefined
					? `one of ${Object.keys(schema.shape).join(", ")}`
					: "a known key";
			return `${fullKey(full)}: expected ${known}, found an unknown key; pulumi config rm ${fullKey(full)}`;
		});
	}
	const key = issue.path.join(".");
	const settable = issue.path
		.slice(0, isPart(top) ? 2 : 1)
		.join(".") as Settable;
	const secret = isSecretKey(settable) ? "--secret " : "";
	// zod's own message repeats "Invalid input: "; its value never stands in it.
	const expected = issue.message.replace(/^Invalid input: /, "");
	return [
		`${fullKey(key)}: ${expected.startsWith("expected") ? expected : `expected ${expected}`}; for example pulumi config set ${secret}${fullKey(settable)} '${examples[settable]}'`,
	];
}

/** A key of the schema as `pulumi config` takes it. */
function fullKey(key: string): string {
	const [top] = key.split(".");
	return isPart(top) && key !== top
		? key.replace(".", ":")
		: `${namespace}:${key}`;
}

function isPart(key: unknown): boolean {
	return parts.some((part) => part === key);
}

function isSecretKey(key: string): boolean {
	return secretKeys.some((secret) => secret === key);
}

/** Values of one namespace, keyed without it. */
function inNamespace(
	config: Record<string, string>,
	prefix: string,
): Record<string, string> {
	return Object.fromEntries(
		Object.entries(config)
			.filter(([key]) => key.startsWith(`${prefix}:`))
			.map(([key, value]) => [key.slice(prefix.length + 1), value]),
	);
}

/**
 * A stack's whole configuration as `parseSettings` takes it: keyed without the
 * namespace, and the keys of each part as one object.
 *
 * @param config by full keys, values as Pulumi keeps them
 */
export function ownConfig(
	config: Record<string, string>,
): Record<string, string> {
	const own = inNamespace(config, namespace);
	for (const part of parts) {
		const values = Object.entries(inNamespace(config, part)).map(
			([key, text]) => [key, json(text)],
		);
		if (values.length > 0)
			own[part] = JSON.stringify(Object.fromEntries(values));
	}
	return own;
}

/** Text as JSON; text that is none stays as it is. */
function json(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return text;
	}
}

function contradictions(settings: Parsed): string[] {
	const problems: string[] = [];
	const set = (key: Key, value: string) =>
		`pulumi config set ${isSecretKey(key) ? "--secret " : ""}${namespace}:${key} ${value}`;
	for (const [flag, below] of ladder) {
		if (settings[flag] && !settings[below]) {
			problems.push(
				`${namespace}:${flag}: expected ${namespace}:${below} to be true as well, found false; ${set(below, "true")} and pulumi up first, or ${set(flag, "false")}`,
			);
		}
	}
	if (settings.sync && !settings.sourceDatabaseUrl) {
		problems.push(
			`${namespace}:sync: expected ${namespace}:sourceDatabaseUrl, found none; ${set("sourceDatabaseUrl", `'${examples.sourceDatabaseUrl}'`)}`,
		);
	}
	if (settings.ttn && settings.freeze && !settings.ttnApiKey) {
		problems.push(
			`${namespace}:freeze: expected ${namespace}:ttnApiKey beside ${namespace}:ttn, found none; ${set("ttnApiKey", `'${examples.ttnApiKey}'`)}`,
		);
	}
	return problems;
}

/**
 * The settings of the stack being deployed: the one place that reads the
 * configuration.
 *
 * @throws pulumi.RunError, which Pulumi prints without a stack trace.
 */
export function readSettings(): Settings {
	const config = ownConfig(pulumi.runtime.allConfig());
	const encrypted = encryptedKeys();
	const token = new pulumi.Config("digitalocean").getSecret("token");
	try {
		const settings = parseSettings(config, (key) =>
			encrypted.has(`${namespace}:${key}`),
		);
		const { caFile } = settings.acme;
		return {
			...settings,
			...(caFile ? { acmeCa: readPem("acme.caFile", caFile) } : {}),
			apiEnvironment: token ? { DIGITALOCEAN_TOKEN: token } : {},
		};
	} catch (error) {
		throw error instanceof UserError ? mistake(error.message) : error;
	}
}

/** Full names of the encrypted keys, as every language host hands them over. */
function encryptedKeys(): ReadonlySet<string> {
	return new Set(
		JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS ?? "[]") as string[],
	);
}

function readPem(key: string, path: string): string {
	try {
		const text = readFileSync(path, "utf8");
		if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
	} catch {
		// Said below, with what to do.
	}
	throw new UserError({
		expected: `${namespace}:${key} to name a file with a PEM certificate`,
		found: `none at ${path}`,
		fix: "correct the path; it is relative to the folder of Pulumi.yaml",
	});
}
