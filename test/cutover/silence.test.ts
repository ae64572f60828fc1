import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { moveClock, now } from "../../cutover/clock";
import type { MonitoringAccess } from "../../cutover/monitoring-host";
import { findSilences, liftSilence, silence } from "../../cutover/silence";
import { alertmanagerConfig } from "../../observability/alertmanager";
import { expectedDuringCutover } from "../../observability/alertmanager/expected";
import { createAuthority } from "../authority";
import { RunningAlertmanager } from "../observability/alertmanager";

const NAME = "monitoring.example.test";
const MINUTE = 60_000;

describe("the silence of a planned cutover", () => {
	let alertmanager: RunningAlertmanager;
	let door: Server;
	let folder: string;
	let access: MonitoringAccess;

	before(async () => {
		alertmanager = await RunningAlertmanager.start(alertmanagerConfig());
		folder = await mkdtemp(join(tmpdir(), "silence-"));
		const authority = await createAuthority("test");
		await writeFile(join(folder, "ca.pem"), authority.certificate);
		process.env.CUTOVER_CA_FILE = join(folder, "ca.pem");
		door = frontDoor(await authority.issue([NAME]), alertmanager.url);
		await new Promise<void>((done) => door.listen(0, "127.0.0.1", done));
		access = {
			url: `https://${NAME}:${(door.address() as AddressInfo).port}`,
			...{ address: "127.0.0.1", user: "operator", password: "right" },
		};
	});
	beforeEach(() => liftSilence(access));
	after(async () => {
		delete process.env.CUTOVER_CA_FILE;
		door?.closeAllConnections();
		door?.close();
		await alertmanager?.stop();
		await rm(folder, { recursive: true, force: true });
	});

	const inMinutes = (minutes: number) =>
		new Date(now().getTime() + minutes * MINUTE);
	const minutesLeft = async () => {
		const all = await findSilences(access);
		assert.equal(all.length, 1);
		return Math.round((Date.parse(all[0]?.endsAt ?? "") - Date.now()) / MINUTE);
	};

	it("holds back what is expected and nothing else, until it is lifted", async () => {
		await silence(access, inMinutes(45));
		assert.equal(await minutesLeft(), 45);
		const names = [...expectedDuringCutover, "IngestGap", "ErrorRateHigh"];
		await alertmanager.send(
			...names.map((alertname) => ({ labels: { alertname } })),
		);
		const states = await alertmanager.states();
		for (const name of expectedDuringCutover)
			assert.equal(states[name], "suppressed", name);
		assert.equal(states.IngestGap, "active");
		assert.equal(states.ErrorRateHigh, "active");
		await liftSilence(access);
		assert.deepEqual(await findSilences(access), []);
		const after = await alertmanager.states();
		for (const name of names) assert.equal(after[name], "active", name);
	});

	it("is one silence, however often it is set: the last end counts", async () => {
		await silence(access, inMinutes(30));
		await silence(access, inMinutes(60));
		assert.equal(await minutesLeft(), 60);
		await silence(access, inMinutes(20));
		assert.equal(await minutesLeft(), 20);
	});

	it("leaves the silences that people set", async () => {
		const answer = await fetch(`${alertmanager.url}/api/v2/silences`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify({
				matchers: [{ name: "job", value: "loki", isRegex: false }],
				startsAt: new Date().toISOString(),
				endsAt: inMinutes(5).toISOString(),
				...{ createdBy: "a person", comment: "a new disk" },
			}),
		});
		const { silenceID } = (await answer.json()) as { silenceID: string };
		await silence(access, inMinutes(30));
		await liftSilence(access);
		const theirs = await fetch(
			`${alertmanager.url}/api/v2/silence/${silenceID}`,
		);
		const { status } = (await theirs.json()) as { status: { state: string } };
		assert.equal(status.state, "active");
	});

	it("always ends, and within half a day", async () => {
		for (const minutes of [0, -5, 13 * 60, Number.NaN])
			await assert.rejects(
				silence(access, inMinutes(minutes)),
				/expected an end of the silence within the next 12 hours/,
			);
		assert.deepEqual(await findSilences(access), []);
	});

	it("lasts as long by the wall clock where the ladder's was moved", async () => {
		moveClock(49 * 3_600);
		try {
			await silence(access, inMinutes(45));
			assert.equal(await minutesLeft(), 45);
		} finally {
			moveClock(-49 * 3_600);
		}
	});

	it("says what it was answered, and nothing of the log-in", async () => {
		await assert.rejects(
			silence({ ...access, password: "wrong" }, inMinutes(5)),
			(error: Error) =>
				/Alertmanager answered 401 to \/silences/.test(error.message) &&
				!error.message.includes("wrong"),
		);
	});
});

/** As Caddy: TLS, one log-in, and Alertmanager under a path of its own. */
function frontDoor(
	{ certificate, key }: { certificate: string; key: string },
	upstream: string,
): Server {
	const logIn = `Basic ${Buffer.from("operator:right").toString("base64")}`;
	return createServer({ cert: certificate, key }, (asked, answer) => {
		const path = asked.url?.replace(/^\/alertmanager(?=\/)/, "");
		if (asked.headers.authorization !== logIn || path === asked.url) {
			answer.writeHead(path === asked.url ? 404 : 401).end();
			return;
		}
		const { method, headers } = asked;
		const passed = request(`${upstream}${path}`, { method, headers }, (got) => {
			answer.writeHead(got.statusCode ?? 502, got.headers);
			got.pipe(answer);
		});
		asked.pipe(passed);
	});
}
