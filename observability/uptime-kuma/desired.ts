/** What Uptime Kuma is to watch and to show; see `apply`. Keys never change, names may. */
export interface Desired {
	notifications: readonly Notification[];
	/** In the order in which the status page shows them. */
	groups: readonly Group[];
	statusPage: StatusPage;
}

export interface Notification {
	key: string;
	name: string;
	/** As Uptime Kuma's form for this type has them, for instance smtpHost of type smtp. */
	settings: { type: "smtp" | "webhook" } & Record<string, unknown>;
}

export interface Group {
	key: string;
	name: string;
	monitors: readonly Monitor[];
}

export type Monitor = {
	key: string;
	name: string;
	/** Seconds, 20 and up. */
	interval: number;
	/** Failures in a row that do not count as down yet. */
	retries: number;
} & (HttpCheck | PushCheck);

interface HttpCheck {
	type: "http";
	url: string;
	method: "GET" | "POST";
	/** Status codes or ranges, for instance 200-299. */
	accepted: readonly string[];
}

/** Down when nobody gets /api/push/TOKEN within the interval. */
interface PushCheck {
	type: "push";
	/** 32 letters and digits. */
	token: string;
}

export interface StatusPage {
	/** Part of its address: /status/SLUG. */
	slug: string;
	title: string;
	/** Markdown. */
	description: string;
	/** Host names whose root shows it. */
	domains: readonly string[];
}

/** The part of its address by which the status page is asked for. */
export const statusSlug = "status";

export interface DesiredArgs {
	/** For instance "FreshTrack Pro"; here the domain. */
	title: string;
	hostnames: { site: string; api: string; status: string };
	/** Token of the database's heartbeat. */
	databaseToken: string;
	/** Path at which uplinks of The Things Network arrive; none where the stack has no TTN. */
	uplinkPath?: string | undefined;
	mail?: { smtpUrl: string; from: string; to: readonly string[] } | undefined;
	webhookUrl?: string | undefined;
}

/** Seconds between two looks at an address; the smallest that Uptime Kuma takes is 20. */
const every = 60;
/** Seconds between two heartbeats of the database that count as none missed; the pusher beats each 20 s. */
export const heartbeatWindow = 60;

/** The product's names, its database and where its sensors' readings arrive. */
export function desiredState(args: DesiredArgs): Desired {
	const { hostnames, uplinkPath } = args;
	const look = { type: "http", interval: every, retries: 2 } as const;
	const get = { ...look, method: "GET", accepted: ["200-299"] } as const;
	const uplinks: Monitor[] = uplinkPath
		? [
				{
					...look,
					key: "uplinks",
					name: "Sensor uplinks",
					url: `https://${hostnames.api}${uplinkPath}`,
					// Without the webhook's secret nothing is stored: a refusal shows that
					// the path is there and asks for it.
					method: "POST",
					accepted: ["401", "403"],
				},
			]
		: [];
	return {
		notifications: notifications(args),
		groups: [
			{
				key: "product",
				name: "Product",
				monitors: [
					{
						...get,
						key: "site",
						name: "Site",
						url: `https://${hostnames.site}/`,
					},
					{
						...get,
						key: "api",
						name: "API",
						url: `https://${hostnames.api}/health`,
					},
					...uplinks,
				],
			},
			{
				key: "inside",
				name: "Behind it",
				monitors: [
					{
						key: "database",
						name: "Database",
						type: "push",
						token: args.databaseToken,
						interval: heartbeatWindow,
						// A new one has had no heartbeat yet, which is no reason to tell anybody.
						retries: 1,
					},
					{
						...get,
						key: "status",
						name: "Status page",
						url: `https://${hostnames.status}/`,
					},
				],
			},
		],
		statusPage: {
			slug: statusSlug,
			title: `Status of ${args.title}`,
			description: `What ${args.title} does right now, looked at every minute.`,
			domains: [hostnames.status],
		},
	};
}

function notifications({ mail, webhookUrl }: DesiredArgs): Notification[] {
	const found: Notification[] = [];
	if (mail && mail.to.length > 0) {
		const smtp = new URL(mail.smtpUrl);
		const secure = smtp.protocol === "smtps:";
		found.push({
			key: "mail",
			name: "Mail to the operators",
			settings: {
				type: "smtp",
				smtpHost: smtp.hostname,
				smtpPort: Number(smtp.port || (secure ? 465 : 587)),
				smtpSecure: secure,
				smtpIgnoreSTARTTLS: smtp.searchParams.get("ignoreTLS") === "true",
				smtpUsername: decodeURIComponent(smtp.username),
				smtpPassword: decodeURIComponent(smtp.password),
				smtpFrom: mail.from,
				smtpTo: mail.to.join(","),
			},
		});
	}
	if (webhookUrl) {
		found.push({
			key: "webhook",
			name: "Webhook of the operators",
			settings: {
				type: "webhook",
				webhookURL: webhookUrl,
				httpMethod: "post",
				webhookContentType: "json",
			},
		});
	}
	return found;
}
