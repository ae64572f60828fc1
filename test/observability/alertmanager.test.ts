import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { waitFor } from "../../cutover/wait";
import { alertmanagerConfig } from "../../observability/alertmanager";
import { expectedDuringCutover } from "../../observability/alertmanager/expected";
import { inhibitions } from "../../observability/alertmanager/inhibitions";
import { type Mailbox, startMailbox } from "../emulator/peers/smtp";
import { RunningAlertmanager, type SentAlert, Webhook } from "./alertmanager";
import { runProgram } from "./program";
import { readAlerts } from "./rules";

const example = {
	smtpUrl: "smtps://user%40example:pass%2Fword@smtp.example",
	from: "ops@example.com",
	to: ["a@example.com", "b@example.com"],
};

/** As Prometheus would send it, by its rule; labels beside those of the rule. */
function alert(
	name: string,
	labels: Record<string, string> = {},
	endsAt?: string,
): SentAlert {
	const rule = readAlerts().find((known) => known.alert === name);
	assert.ok(rule, name);
	return {
		labels: { alertname: name, stack: "test", ...rule.labels, ...labels },
		annotations: { ...rule.annotations, summary: `summary of ${name}` },
		...(endsAt ? { endsAt } : {}),
	};
}

describe("configuration of Alertmanager", () => {
	it("is what amtool takes, with and without receivers", async () => {
		const folder = await mkdtemp(join(tmpdir(), "amtool-"));
		try {
			const file = join(folder, "alertmanager.yml");
			const urls = {
				webhookUrl: "https://a.example/x",
				deadMansUrl: "https://b.example/y",
			};
			for (const delivery of [undefined, example, { ...example, ...urls }]) {
				await writeFile(file, alertmanagerConfig(delivery));
				await runProgram("amtool", ["check-config", file]);
			}
		} finally {
			await rm(folder, { recursive: true });
		}
	});

	it("takes a mail server from its URL, with TLS unless that says otherwise", () => {
		const smtp = (smtpUrl: string) =>
			parse(alertmanagerConfig({ ...example, smtpUrl })).global;
		assert.deepEqual(smtp(example.smtpUrl), {
			smtp_from: "ops@example.com",
			smtp_smarthost: "smtp.example:465",
			smtp_require_tls: false,
			smtp_auth_username: "user@example",
			smtp_auth_password: "pass/word",
		});
		const plain = smtp("smtp://smtp.example");
		assert.equal(plain.smtp_smarthost, "smtp.example:587");
		assert.equal(plain.smtp_require_tls, true);
		assert.equal("smtp_auth_username" in plain, false);
		const test = smtp("smtp://smtp.example:25?ignoreTLS=true");
		assert.equal(test.smtp_require_tls, false);
	});

	it("names only alerts that there are", () => {
		const known = readAlerts().map(({ alert }) => alert);
		for (const rule of inhibitions)
			for (const matcher of [...rule.source_matchers, ...rule.target_matchers])
				for (const name of matcher.replace(/^alertname=~?"|"$/g, "").split("|"))
					if (matcher.startsWith("alertname"))
						assert.ok(known.includes(name), `${matcher}: no alert ${name}`);
		for (const name of expectedDuringCutover)
			assert.ok(known.includes(name), name);
	});

	it("expects no criterion to go back, and nothing critical, of a cutover", () => {
		for (const { alert, labels } of readAlerts())
			if (expectedDuringCutover.some((name) => name === alert)) {
				assert.equal(labels.rollback, undefined, alert);
				assert.equal(labels.severity, "warning", alert);
			}
	});
});

describe("Alertmanager, the real one", () => {
	let mailbox: Mailbox;
	let webhook: Webhook;
	let alertmanager: RunningAlertmanager;

	beforeEach(async () => {
		// Not loopback where there is another: a log-in without TLS is refused there by some.
		mailbox = await startMailbox(ownAddress());
		webhook = await Webhook.start();
		alertmanager = await RunningAlertmanager.start(
			alertmanagerConfig({
				...example,
				smtpUrl: mailbox.url,
				webhookUrl: `${webhook.url}/alerts`,
				deadMansUrl: `${webhook.url}/alive`,
			}),
		);
	});
	afterEach(async () => {
		await alertmanager?.stop();
		await webhook?.stop();
		await mailbox?.close();
	});

	const mail = (subject: string, timeoutMs = 30_000) =>
		waitFor(
			`a mail "${subject}" (${alertmanager.log.split("\n").at(-2)})`,
			async () => mailbox.messages.find((found) => found.subject === subject),
			{ timeoutMs },
		);

	it("mails what fires, grouped, then what is over, and posts the same to the webhook", async () => {
		const north = { organization: "north" };
		const south = { organization: "south" };
		await alertmanager.send(
			alert("SensorDataStale", north),
			alert("SensorDataStale", south),
		);
		const fires = await mail("test: SensorDataStale fires");
		assert.deepEqual(fires.to, example.to);
		assert.equal(fires.from, example.from);
		assert.equal(fires.text.match(/^FIRES: summary/gm)?.length, 2);
		assert.match(fires.text, /docs\/RUNBOOKS\.md#sensordatastale/);
		assert.match(fires.text, /https:\/\/monitoring\.example\/alertmanager/);
		const over = new Date().toISOString();
		await alertmanager.send(
			alert("SensorDataStale", north, over),
			alert("SensorDataStale", south, over),
		);
		const ends = await mail("test: SensorDataStale is over", 90_000);
		assert.equal(ends.text.match(/^OVER: summary/gm)?.length, 2);
		assert.equal(mailbox.messages.length, 2);
		const posts = webhook.posts.filter(({ path }) => path === "/alerts");
		assert.deepEqual(
			posts.map(({ body }) => [body.status, (body.alerts as []).length]),
			[
				["firing", 2],
				["resolved", 2],
			],
		);
	}).timeout(150_000);

	it("gives a sign of life by the Watchdog, and mails nobody about it", async () => {
		await alertmanager.send(alert("Watchdog"), alert("CutoverInProgress"));
		await waitFor(
			"a post to the dead man's switch",
			async () => webhook.posts.find(({ path }) => path === "/alive"),
			{ timeoutMs: 20_000 },
		);
		await alertmanager.send(alert("BackendGone"));
		await mail("test: BackendGone fires");
		assert.equal(mailbox.messages.length, 1);
		assert.equal(
			webhook.posts.filter(({ path }) => path === "/alerts").length,
			1,
		);
	}).timeout(60_000);

	it("mails a cause, not what follows from it", async () => {
		await alertmanager.send(
			alert("BackendGone"),
			alert("SiteDown", { host: "api" }),
			alert("SiteDown", { host: "status" }),
			alert("ErrorRateHigh"),
			alert("TargetDown", { job: "backend", instance: "b" }),
			alert("TargetDown", { job: "caddy", instance: "c" }),
			alert("DiskSpaceLow", { instance: "n", device: "vda" }),
			alert("DiskSpaceLow", { instance: "other", device: "vda" }),
			alert("DiskSpaceCritical", { instance: "n", device: "vda" }),
		);
		await mail("test: BackendGone fires");
		const low = await mail("test: DiskSpaceLow fires");
		assert.equal(low.text.match(/^FIRES/gm)?.length, 1);
		await mail("test: DiskSpaceCritical fires");
		const site = await mail("test: SiteDown fires");
		assert.equal(site.text.match(/^FIRES/gm)?.length, 1);
		const target = await mail("test: TargetDown fires");
		assert.equal(target.text.match(/^FIRES/gm)?.length, 1);
		assert.equal(mailbox.messages.length, 5);
		assert.equal((await alertmanager.states()).ErrorRateHigh, "suppressed");
	}).timeout(60_000);

	it("holds back what a freeze brings, not the criteria to go back", async () => {
		await alertmanager.send(
			alert("CutoverInProgress"),
			...expectedDuringCutover.map((name) => alert(name)),
			alert("IngestGap"),
		);
		await mail("test: IngestGap fires");
		const states = await alertmanager.states();
		for (const name of expectedDuringCutover)
			assert.equal(states[name], "suppressed", name);
		assert.equal(mailbox.messages.length, 1);
	}).timeout(60_000);
});

function ownAddress(): string {
	const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
	return (
		all.find(({ family, internal }) => family === "IPv4" && !internal)
			?.address ?? "127.0.0.1"
	);
}
