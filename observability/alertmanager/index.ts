import { stringify } from "yaml";
import { inhibitions } from "./inhibitions";

/** Where alerts go. Holds secrets: the mail server's log-in, and URLs that are keys. */
export interface Delivery {
	/**
	 * smtps://user:password@host on port 465, or smtp://user:password@host:port with
	 * STARTTLS, which `?ignoreTLS=true` does without.
	 */
	smtpUrl: string;
	from: string;
	to: string[];
	/** Gets every alert as Alertmanager's JSON, fired and resolved. */
	webhookUrl?: string;
	/** Gets the Watchdog every minute: a service that raises the alarm when it stays away. */
	deadMansUrl?: string;
}

/** Alertmanager speaks TLS from the first byte on this port, and on no other. */
export const smtpsPort = 465;

/**
 * Alertmanager's configuration as YAML.
 *
 * @param delivery undefined: alerts are seen on its page and in Grafana only.
 */
export function alertmanagerConfig(delivery?: Delivery): string {
	const operators = delivery ? "operators" : "nobody";
	return stringify({
		...(delivery ? { global: smtp(delivery) } : {}),
		route: {
			receiver: operators,
			group_by: ["alertname"],
			// Long enough for what fails together, short enough for a rollback's 15 minutes.
			group_wait: "10s",
			group_interval: "1m",
			repeat_interval: "4h",
			routes: [
				{
					matchers: ['alertname="Watchdog"'],
					receiver: delivery?.deadMansUrl ? "dead-mans-switch" : "nobody",
					group_wait: "0s",
					repeat_interval: "1m",
				},
				{ matchers: ['severity="none"'], receiver: "nobody" },
				{
					matchers: ['severity="critical"'],
					receiver: operators,
					repeat_interval: "1h",
				},
			],
		},
		receivers: [
			{ name: "nobody" },
			...(delivery ? [receiverOf(delivery)] : []),
			...(delivery?.deadMansUrl
				? [
						{
							name: "dead-mans-switch",
							webhook_configs: [
								{ url: delivery.deadMansUrl, send_resolved: false },
							],
						},
					]
				: []),
		],
		inhibit_rules: inhibitions,
	});
}

function smtp({ smtpUrl, from }: Delivery) {
	const url = new URL(smtpUrl);
	const secure = url.protocol === "smtps:";
	const user = decodeURIComponent(url.username);
	return {
		smtp_from: from,
		smtp_smarthost: `${url.hostname}:${url.port || (secure ? smtpsPort : 587)}`,
		// STARTTLS, that is: where TLS is spoken from the start there is none.
		smtp_require_tls: !secure && url.searchParams.get("ignoreTLS") !== "true",
		...(user
			? {
					smtp_auth_username: user,
					smtp_auth_password: decodeURIComponent(url.password),
				}
			: {}),
	};
}

function receiverOf({ to, webhookUrl }: Delivery) {
	return {
		name: "operators",
		email_configs: [
			{
				to: to.join(", "),
				send_resolved: true,
				headers: { Subject: subject },
				html: "",
				text,
			},
		],
		webhook_configs: webhookUrl
			? [{ url: webhookUrl, send_resolved: true }]
			: [],
	};
}

const subject = `{{ with .CommonLabels.stack }}{{ . }}: {{ end }}{{ .GroupLabels.alertname }} {{ if eq .Status "firing" }}fires{{ else }}is over{{ end }}`;

const text = `{{ range .Alerts.Firing -}}
FIRES: {{ .Annotations.summary }}
{{ .Annotations.description }}
Severity {{ .Labels.severity }}, since {{ .StartsAt.UTC.Format "2006-01-02 15:04:05" }} UTC. What to do: {{ .Annotations.runbook_url }}

{{ end }}{{ range .Alerts.Resolved -}}
OVER: {{ .Annotations.summary }}
From {{ .StartsAt.UTC.Format "2006-01-02 15:04:05" }} to {{ .EndsAt.UTC.Format "15:04:05" }} UTC.

{{ end }}{{ .ExternalURL }}
`;
