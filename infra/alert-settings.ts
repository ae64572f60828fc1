import { z } from "zod";
import { type Delivery, smtpsPort } from "../observability/alertmanager";

const url = z.url({ protocol: /^https?$/, error: "an http or https URL" });

/** Where alerts go: by the mail server of the notices, and in their sender's name. */
export const alerts = z.strictObject({
	to: z.array(z.email()).min(1, "at least one"),
	/** Gets each alert too, as JSON. */
	webhookUrl: url.optional(),
	/** Asked every minute, for whoever raises the alarm when that ends. */
	deadMansUrl: url.optional(),
});

interface AlertSettings {
	alerts?: z.infer<typeof alerts>;
	notices?: { from: string };
	smtpUrl?: string;
}

/** Where a stack's alerts go; undefined where nobody is named. */
export function deliveryOf(settings: AlertSettings): Delivery | undefined {
	const { alerts, notices, smtpUrl } = settings;
	return alerts && notices && smtpUrl
		? { ...alerts, from: notices.from, smtpUrl }
		: undefined;
}

/**
 * What keeps alerts from being sent, or would show a secret, as lines for a person.
 *
 * @param encrypted whether cutover:alerts is, in the stack's file.
 */
export function alertProblems(
	{ alerts, notices, smtpUrl }: AlertSettings,
	encrypted: boolean,
): string[] {
	if (!alerts) return [];
	const problems: string[] = [];
	if (!notices)
		problems.push(
			`cutover:alerts: expected cutover:notices, whose sender is the alerts' as well, found none; pulumi config set cutover:notices '{"from":"ops@example.com","to":["users@example.com"]}'`,
		);
	if (!smtpUrl)
		problems.push(
			"cutover:alerts: expected cutover:smtpUrl, found none; pulumi config set --secret cutover:smtpUrl 'smtps://user:…@smtp.example.com'",
		);
	const { protocol, port } = new URL(smtpUrl ?? "smtp:");
	if (protocol === "smtps:" && port && port !== String(smtpsPort))
		problems.push(
			`cutover:smtpUrl: expected port ${smtpsPort} with smtps beside cutover:alerts, found ${port}; take that port, or smtp:// where the server offers STARTTLS`,
		);
	// Whoever knows them can send there, or keep the alarm from being raised.
	for (const key of ["webhookUrl", "deadMansUrl"] as const)
		if (alerts[key] && !encrypted)
			problems.push(
				`cutover:alerts.${key}: expected an encrypted value, found plain text; pulumi config set --secret --path cutover:alerts.${key} 'https://…'`,
			);
	return problems;
}
