import { createTransport } from "nodemailer";
import { z } from "zod";
import { now } from "./clock";
import { readEvidence, writeEvidence } from "./evidence";

/** What users are told, and when. */
export const noticeKinds = ["before", "start", "complete"] as const;
export type NoticeKind = (typeof noticeKinds)[number];

const sent = z.object({
	kind: z.enum(noticeKinds),
	messageId: z.string(),
	at: z.string(),
});

export type SentNotice = z.infer<typeof sent>;

export interface NoticeSettings {
	/** smtp://user:password@host:port or smtps://… */
	smtpUrl: string;
	from: string;
	to: string[];
	domain: string;
}

const texts: Record<NoticeKind, (domain: string) => [string, string]> = {
	before: (domain) => [
		`Planned maintenance of ${domain}`,
		`${domain} moves to new servers within 24 to 48 hours. For a few minutes nothing can be changed; sensors go on recording.\nFollow it at https://status.${domain}. You do not have to do anything.`,
	],
	start: (domain) => [
		`Maintenance of ${domain} has begun`,
		`${domain} is moving now. Follow it at https://status.${domain}.`,
	],
	complete: (domain) => [
		`Maintenance of ${domain} is complete`,
		`${domain} runs on its new servers. If your log-in asks for a new password, use the link that it offers.`,
	],
};

/** Sends one notice and keeps its message id in the stack's evidence. */
export async function sendNotice(
	stack: string,
	kind: NoticeKind,
	settings: NoticeSettings,
): Promise<SentNotice> {
	const [subject, text] = texts[kind](settings.domain);
	const transport = createTransport(settings.smtpUrl);
	const { messageId } = await transport.sendMail({
		from: settings.from,
		to: settings.to,
		date: now(),
		subject,
		text,
	});
	transport.close();
	const notice = { kind, messageId, at: now().toISOString() };
	const all = [...(await sentNotices(stack)), notice];
	await writeEvidence(
		stack,
		"notices.json",
		`${JSON.stringify(all, null, "\t")}\n`,
	);
	return notice;
}

/** The notices sent so far for a stack, oldest first. */
export async function sentNotices(stack: string): Promise<SentNotice[]> {
	const text = await readEvidence(stack, "notices.json");
	return text ? z.array(sent).parse(JSON.parse(text)) : [];
}
