import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ParsedMail, simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";
import { sendNotice, sentNotices } from "../../cutover/notices";

describe("notices to users", () => {
	const home = process.cwd();
	const mails: ParsedMail[] = [];
	let folder: string;
	let server: SMTPServer;
	before(async () => {
		folder = await mkdtemp(join(tmpdir(), "notices-"));
		process.chdir(folder);
		server = new SMTPServer({
			authOptional: true,
			disabledCommands: ["STARTTLS"],
			onData(stream, _session, done) {
				simpleParser(stream).then((mail) => {
					mails.push(mail);
					done();
				}, done);
			},
		});
		await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
	});
	after(async () => {
		await new Promise<void>((done) => server.close(done));
		process.chdir(home);
		await rm(folder, { recursive: true });
	});

	it("are sent once each, and kept with the message id that arrived", async () => {
		const { port } = server.server.address() as AddressInfo;
		const settings = {
			smtpUrl: `smtp://127.0.0.1:${port}`,
			from: "ops@example.test",
			to: ["users@example.test"],
			domain: "example.test",
		};
		await sendNotice("production", "before", settings);
		await sendNotice("production", "complete", settings);
		const kept = await sentNotices("production");
		assert.deepEqual(
			kept.map(({ kind }) => kind),
			["before", "complete"],
		);
		assert.deepEqual(
			kept.map(({ messageId }) => messageId),
			mails.map(({ messageId }) => messageId),
		);
		assert.match(mails[0]?.text ?? "", /24 to 48 hours/);
	});
});
