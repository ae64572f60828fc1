import { randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import { type AddressObject, simpleParser } from "mailparser";
import { createTransport } from "nodemailer";
import { SMTPServer } from "smtp-server";

/** A mail as the mailbox shows it. */
export interface Mail {
	messageId: string;
	from: string;
	to: string[];
	subject: string;
	/** ISO 8601, from the mail's own Date header. */
	date: string | null;
	text: string;
	receivedAt: string;
}

export interface Mailbox {
	/** smtp://user:password@address:port?ignoreTLS=true: it offers no TLS. */
	url: string;
	messages: Mail[];
	/** Sends a mail of the stand-ins' own through the same server. */
	send(mail: {
		from: string;
		to: string;
		subject: string;
		text: string;
	}): Promise<void>;
	close(): Promise<void>;
}

/**
 * Stand-in for a mail provider: a real SMTP server that asks for a log-in, takes
 * every mail and delivers none; they can be read in `messages`. No STARTTLS,
 * since no client here would know its certificate.
 */
export async function startMailbox(address: string): Promise<Mailbox> {
	const user = "mailer";
	const password = randomBytes(16).toString("hex");
	const messages: Mail[] = [];
	const server = new SMTPServer({
		authOptional: false,
		disabledCommands: ["STARTTLS"],
		allowInsecureAuth: true,
		onAuth(given, _session, done) {
			if (given.username === user && given.password === password)
				done(null, { user });
			else done(new Error("Authentication credentials invalid"));
		},
		onData(stream, _session, done) {
			simpleParser(stream).then(
				(mail) => {
					messages.push({
						messageId: mail.messageId ?? "",
						from: mail.from?.text ?? "",
						to: addresses(mail.to),
						subject: mail.subject ?? "",
						date: mail.date?.toISOString() ?? null,
						text: mail.text ?? "",
						receivedAt: new Date().toISOString(),
					});
					done();
				},
				(error: Error) => done(error),
			);
		},
	});
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject);
		server.listen(0, address, () => resolve());
	});
	// A client that hangs up early is its own concern.
	server.on("error", () => {});
	const { port } = server.server.address() as AddressInfo;
	const url = `smtp://${user}:${password}@${address}:${port}?ignoreTLS=true`;
	return {
		url,
		messages,
		async send(mail) {
			const transport = createTransport(url);
			try {
				await transport.sendMail(mail);
			} finally {
				transport.close();
			}
		},
		close: () => new Promise((resolve) => server.close(() => resolve())),
	};
}

function addresses(to: AddressObject | AddressObject[] | undefined): string[] {
	const groups = to === undefined ? [] : Array.isArray(to) ? to : [to];
	return groups.flatMap((group) =>
		group.value.map(({ address }) => address ?? ""),
	);
}
