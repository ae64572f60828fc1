import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { http } from "../../cutover/http";
import { waitFor } from "../../cutover/wait";
import { apply } from "../../observability/uptime-kuma/apply";
import { Kuma, KumaError } from "../../observability/uptime-kuma/client";
import {
	type Desired,
	desiredState,
	type Monitor,
} from "../../observability/uptime-kuma/desired";
import {
	endMaintenance,
	resolveIncident,
	setMaintenance,
	showIncident,
} from "../../observability/uptime-kuma/incidents";
import { startKuma } from "../stand-ins/uptime-kuma/server";

/**
 * One suite for both: the stand-in, or the official server that KUMA_URL names, which
 * has to be a new one or one that this suite has used before.
 */
const official = process.env.KUMA_URL;
const user = "operator";
const password = "kept-for-the-contract-suite-41";
const slug = "contract";
const domain = "status.contract.example";

interface PublicPage {
	config: { title: string };
	incidents: { title: string; content: string; style: string }[];
	maintenanceList: { title: string; status: string }[];
	publicGroupList: { name: string; monitorList: { id: number }[] }[];
}

describe(`Uptime Kuma, ${official ? "the official server" : "the stand-in"}`, function () {
	this.timeout(60_000);
	const closers: (() => Promise<unknown> | unknown)[] = [];
	let url: string;
	let kuma: Kuma;
	let target: Server;
	let answers = 200;
	let seen: { method: string | undefined; path: string | undefined }[] = [];
	let page: Desired;

	before(async () => {
		target = createServer(({ method, url: path }, response) => {
			seen.push({ method, path });
			response.writeHead(path === "/refuses" ? 401 : answers).end("a page");
		}).listen(0, "127.0.0.1");
		await new Promise((done) => target.once("listening", done));
		closers.push(() => target.close());
		const at = `http://127.0.0.1:${(target.address() as AddressInfo).port}`;
		const look = { type: "http", interval: 20, retries: 0 } as const;
		page = {
			notifications: [
				{
					key: "webhook",
					name: "Webhook",
					settings: {
						type: "webhook",
						webhookURL: `${at}/told`,
						httpMethod: "post",
						webhookContentType: "json",
					},
				},
			],
			groups: [
				{
					key: "product",
					name: "Product",
					monitors: [
						{
							...look,
							...{ key: "site", name: "Site", url: `${at}/` },
							...{ method: "GET", accepted: ["200-299"] },
						},
						{
							...look,
							...{ key: "uplinks", name: "Uplinks", url: `${at}/refuses` },
							...{ method: "POST", accepted: ["401", "403"] },
						},
					],
				},
				{
					key: "inside",
					name: "Behind it",
					monitors: [
						{
							...{ key: "database", name: "Database", type: "push" },
							...{ interval: 20, retries: 0 },
							token: "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6",
						},
					],
				},
			],
			statusPage: {
				slug,
				title: "Contract",
				description: "Looked at by a test.",
				domains: [domain],
			},
		};
		if (official) url = official;
		else {
			const started = await startKuma({ port: 0, folder: undefined });
			closers.push(() => started.close());
			url = started.url;
		}
		kuma = await Kuma.open({ url });
		closers.push(() => kuma.close());
	});
	after(async () => {
		for (const close of closers.reverse()) await close();
	});

	const visitor = async (): Promise<PublicPage> => {
		const found = await kuma.get<PublicPage>(`/api/status-page/${slug}`);
		assert.ok(found);
		return found;
	};
	const monitor = async (name: string) => {
		const found = (await kuma.monitors()).find((one) => one.name === name);
		assert.ok(found, `no monitor ${name}`);
		return found;
	};
	const monitors = () => page.groups.flatMap((group) => [...group.monitors]);
	/** The last heartbeat's status: 0 down, 1 up, 2 pending, 3 maintenance. */
	const statusOf = async (id: number) => {
		const { data } = await kuma.call("getMonitorBeats", id, 1);
		return (data as { status: number }[]).at(-1)?.status;
	};

	describe("the way in", () => {
		it("refuses who has not logged in", async () => {
			await assert.rejects(
				kuma.call("getMonitorList"),
				(error: Error) =>
					error instanceof KumaError && /not logged in/.test(error.message),
			);
		});

		it("takes no weak password for the administrator", async () => {
			await assert.rejects(
				kuma.call("setup", user, "short"),
				/passwordTooWeak/,
			);
		});

		it("makes the administrator once, and lets nobody else in", async () => {
			const made = await kuma.enter(user, password);
			if (!official) assert.equal(made, true);
			const other = await Kuma.open({ url });
			try {
				await assert.rejects(
					other.enter(user, "another-password-41"),
					/authIncorrectCreds/,
				);
				await assert.rejects(
					other.call("setup", "second", password),
					/has been initialized/,
				);
				assert.equal(await other.enter(user, password), false);
			} finally {
				other.close();
			}
		});

		it("says in time that nobody answers", async () => {
			await assert.rejects(
				Kuma.open({ url: "http://127.0.0.1:9" }, 1_500),
				/did not ask for a log-in within 1.5 s: .*ECONNREFUSED/,
			);
		});
	});

	describe("apply", () => {
		it("makes what is desired, and changes nothing the second time", async () => {
			const first = await apply(kuma, page);
			if (!official)
				assert.deepEqual(first.made, [
					...["notification webhook", "group-product", "site", "uplinks"],
					...["group-inside", "database", `status page ${slug}`],
				]);
			const second = await apply(kuma, page);
			assert.equal(second.kept.length, 7);
			assert.deepEqual(
				[second.made, second.changed, second.removed],
				[[], [], []],
			);
			const again = await Kuma.open({ url });
			try {
				await again.enter(user, password);
				assert.equal((await apply(again, page)).kept.length, 7);
			} finally {
				again.close();
			}
		});

		it("puts monitors into their groups and tells them whom to tell", async () => {
			const site = await monitor("Site");
			assert.equal(site.parent, (await monitor("Product")).id);
			assert.equal(Object.values(site.notificationIDList).includes(true), true);
			assert.deepEqual(site.accepted_statuscodes, ["200-299"]);
		});

		it("names back what was renamed, and keeps its history", async () => {
			const before = await monitor("Site");
			await kuma.call("editMonitor", { ...before, name: "Renamed" });
			const report = await apply(kuma, page);
			assert.deepEqual(report.changed, ["site"]);
			assert.equal((await monitor("Site")).id, before.id);
		});

		it("leaves alone what people made, on the page as well", async () => {
			const site = await monitor("Site");
			const { id, path, pathName, childrenIDs, ...rest } = site;
			const added = await kuma.call("add", {
				...Object.fromEntries(
					Object.entries(rest).filter(([key]) => copied.has(key)),
				),
				...{ name: "A person's", description: null, parent: null },
				...{ conditions: [], rabbitmqNodes: [], kafkaProducerBrokers: [] },
				kafkaProducerSaslOptions: { mechanism: "None" },
				notificationIDList: {},
			});
			const foreign = Number(added.monitorID);
			const { publicGroupList } = await visitor();
			const config = await kuma.statusPage(slug);
			await kuma.call("saveStatusPage", slug, config, "", [
				{ name: "A person's group", monitorList: [{ id: foreign }] },
				...publicGroupList,
			]);
			const report = await apply(kuma, page);
			assert.deepEqual(report.changed, [`status page ${slug}`]);
			assert.deepEqual((await apply(kuma, page)).changed, []);
			assert.deepEqual(
				(await visitor()).publicGroupList.map(({ name }) => name),
				["Product", "Behind it", "A person's group"],
			);
			assert.equal((await monitor("A person's")).id, foreign);
			await kuma.call("deleteMonitor", foreign, false);
			await kuma.call("saveStatusPage", slug, config, "", publicGroupList);
			await apply(kuma, page);
		});

		it("removes what is not desired any more, and makes it anew", async () => {
			const without = {
				...page,
				groups: page.groups.map((group) => ({
					...group,
					monitors: group.monitors.filter(
						(one: Monitor) => one.key !== "uplinks",
					),
				})),
			};
			const report = await apply(kuma, without);
			assert.deepEqual(report.removed, ["uplinks"]);
			assert.equal((await visitor()).publicGroupList[0]?.monitorList.length, 1);
			assert.deepEqual((await apply(kuma, page)).made, ["uplinks"]);
		});

		it("is refused a page whose analytics type is left out instead of null", async () => {
			const { analyticsType, ...config } = (await kuma.statusPage(slug)) ?? {};
			assert.equal(analyticsType, null);
			await assert.rejects(
				kuma.call("saveStatusPage", slug, config, "", []),
				/Invalid analytics type/,
			);
		});
	});

	describe("monitors", () => {
		it("ask an address as they are told, and are up where it answers as accepted", async () => {
			seen = [];
			// An edit looks at once.
			for (const name of ["Site", "Uplinks"])
				await kuma.call("editMonitor", await monitor(name));
			for (const name of ["Site", "Uplinks"]) {
				const { id } = await monitor(name);
				await waitFor(
					`${name} up`,
					async () => ((await statusOf(id)) === 1 ? true : undefined),
					{ timeoutMs: 10_000 },
				);
			}
			assert.ok(
				seen.some(
					({ method, path }) => method === "POST" && path === "/refuses",
				),
			);
		});

		it("are down where it does not, tell whom they should, and up again by themselves", async () => {
			const { id } = await monitor("Site");
			answers = 500;
			seen = [];
			try {
				await waitFor(
					"Site down",
					async () => ((await statusOf(id)) === 0 ? true : undefined),
					{ timeoutMs: 25_000 },
				);
				await waitFor(
					"the webhook told",
					async () =>
						seen.some(({ path }) => path === "/told") ? true : undefined,
					{ timeoutMs: 5_000 },
				);
			} finally {
				answers = 200;
			}
			await waitFor(
				"Site up",
				async () => ((await statusOf(id)) === 1 ? true : undefined),
				{ timeoutMs: 25_000 },
			);
		});

		it("that wait for a push are up with it and down without", async () => {
			const database = monitors().find(({ type }) => type === "push");
			assert.ok(database?.type === "push");
			const { id } = await monitor("Database");
			const pushed = await http(
				`${url}/api/push/${database.token}?status=up&msg=OK&ping=3`,
			);
			assert.deepEqual(
				[pushed.status, JSON.parse(pushed.body)],
				[200, { ok: true }],
			);
			assert.equal(await statusOf(id), 1);
			const unknown = await http(`${url}/api/push/unknown`);
			assert.equal(unknown.status, 404);
			await http(`${url}/api/push/${database.token}?status=down&msg=refused`);
			assert.equal(await statusOf(id), 0);
			await http(`${url}/api/push/${database.token}`);
			await waitFor(
				"the push missed",
				async () => ((await statusOf(id)) === 0 ? true : undefined),
				{ timeoutMs: 25_000 },
			);
		});

		it("stand in the metrics for who may see them", async () => {
			assert.equal((await http(`${url}/metrics`)).status, 401);
			const basic = Buffer.from(`${user}:${password}`).toString("base64");
			const { body } = await http(`${url}/metrics`, {
				headers: { authorization: `Basic ${basic}` },
			});
			assert.match(body, /^monitor_status\{.*monitor_name="Site".*\} 1$/m);
			assert.match(
				body,
				/^monitor_response_time\{.*monitor_type="http".*\} \d+$/m,
			);
		});
	});

	describe("the status page", () => {
		it("is shown at its address and at the root of its domain", async () => {
			const page = await http(`${url}/status/${slug}`);
			assert.match(page.body, /<title>Contract/);
			const root = await http(`${url}/`, { headers: { host: domain } });
			assert.match(root.body, /<title>Contract/);
			const entry = await http(`${url}/api/entry-page`, {
				headers: { host: domain },
			});
			assert.deepEqual(JSON.parse(entry.body), {
				type: "statusPageMatchedDomain",
				statusPageSlug: slug,
			});
			assert.equal((await http(`${url}/status/unknown`)).status, 404);
			assert.equal((await http(`${url}/api/status-page/unknown`)).status, 404);
		});

		it("has the last heartbeats of what it shows", async () => {
			const { id } = await monitor("Site");
			const beats = await kuma.get<{
				heartbeatList: Record<string, { status: number; time: string }[]>;
				uptimeList: Record<string, number>;
			}>(`/api/status-page/heartbeat/${slug}`);
			assert.ok((beats?.heartbeatList[id]?.length ?? 0) > 0);
			assert.equal(typeof beats?.uptimeList[`${id}_24`], "number");
		});

		it("shows an incident at once, changed words too, and no more when it is resolved", async () => {
			await visitor();
			const words = {
				title: "Cutover in progress",
				content: "For a **few minutes** nothing can be changed.",
				style: "warning",
			} as const;
			await showIncident(kuma, slug, "begin", words);
			await showIncident(kuma, slug, "begin", { ...words, title: "Still" });
			const [incident, ...others] = (await visitor()).incidents;
			assert.deepEqual(others, []);
			assert.equal(incident?.title, "Still");
			assert.match(incident?.content ?? "", /^For a \*\*few minutes\*\*/);
			assert.match((await http(`${url}/status/${slug}`)).body, /Still/);
			await resolveIncident(kuma, slug, "begin", {
				...words,
				title: "Put off",
				style: "info",
			});
			assert.deepEqual((await visitor()).incidents, []);
			const [past] = await kuma.incidents(slug);
			assert.deepEqual(
				[past?.title, past?.style, past?.active],
				["Put off", "info", false],
			);
			// What is not there is resolved already.
			await resolveIncident(kuma, slug, "begin");
		});

		it("leaves a person's incident where it is", async () => {
			const words = { title: "A person's", content: "Kept.", style: "info" };
			const { incident } = await kuma.call("postIncident", slug, words);
			await showIncident(kuma, slug, "begin", {
				...{ title: "Ours", content: "Ours.", style: "info" },
			});
			await resolveIncident(kuma, slug, "begin");
			assert.deepEqual(
				(await visitor()).incidents.map(({ title }) => title),
				["A person's"],
			);
			const { id } = incident as { id: number };
			await kuma.call("deleteIncident", slug, id);
		});

		it("shows visitors an incident that nobody refreshed it for up to 5 minutes late", async () => {
			await showIncident(kuma, slug, "begin", {
				...{ title: "Ours", content: "Ours.", style: "info" },
			});
			await resolveIncident(kuma, slug, "begin");
			await visitor();
			const words = { title: "Late", content: "Late.", style: "info" };
			const { incident } = await kuma.call("postIncident", slug, words);
			assert.deepEqual((await visitor()).incidents, []);
			await kuma.call("deleteIncident", slug, (incident as { id: number }).id);
		});

		it("announces maintenance, in which monitors are neither up nor down", async () => {
			const { id } = await monitor("Site");
			const wanted = {
				title: "Cutover",
				description: "Nothing to do.",
				from: new Date(Date.now() - 1_000),
				until: new Date(Date.now() + 600_000),
			};
			await setMaintenance(kuma, slug, "cutover", wanted, [id]);
			await setMaintenance(kuma, slug, "cutover", wanted, [id]);
			const { maintenanceList } = await visitor();
			assert.deepEqual(
				maintenanceList.map(({ title, status }) => [title, status]),
				[["Cutover", "under-maintenance"]],
			);
			await kuma.call("editMonitor", await monitor("Site"));
			await waitFor(
				"Site under maintenance",
				async () => ((await statusOf(id)) === 3 ? true : undefined),
				{ timeoutMs: 10_000 },
			);
			await setMaintenance(
				kuma,
				slug,
				"cutover",
				{ ...wanted, until: new Date(Date.now() - 500) },
				[id],
			);
			assert.deepEqual((await visitor()).maintenanceList, []);
			await endMaintenance(kuma, "cutover");
			await endMaintenance(kuma, "cutover");
			const left = await kuma.maintenances();
			assert.equal(left.length, 0);
		});
	});
});

/** Fields of a monitor that a new one takes; others are computed. */
const copied = new Set([
	...["type", "url", "method", "interval", "retryInterval", "maxretries"],
	...["resendInterval", "timeout", "accepted_statuscodes", "maxredirects"],
]);

describe("the stand-in for Uptime Kuma", () => {
	const word = "kept-for-the-contract-suite-41";

	it("answers an error to what it does not have, and says what it is", async () => {
		const { url, close } = await startKuma({ port: 0, folder: undefined });
		const kuma = await Kuma.open({ url });
		try {
			await kuma.enter("operator", word);
			for (const event of ["getTags", "addAPIKey", "noSuchEvent"])
				await assert.rejects(
					kuma.call(event),
					/not served by this stand-in for Uptime Kuma/,
				);
			await assert.rejects(
				kuma.call("add", { type: "dns", accepted_statuscodes: [] }),
				/monitors of type dns: not served/,
			);
			const { status, body } = await http(`${url}/api/badge/1/status`);
			assert.equal(status, 404);
			assert.match(body, /stand-in/);
			assert.match((await http(`${url}/dashboard`)).body, /<title>Stand-in/);
		} finally {
			kuma.close();
			await close();
		}
	});

	it("goes on with what it kept", async () => {
		const folder = mkdtempSync(join(tmpdir(), "kuma-"));
		const once = async (work: (kuma: Kuma) => Promise<void>) => {
			const { url, close } = await startKuma({ port: 0, folder });
			const kuma = await Kuma.open({ url });
			try {
				await work(kuma);
			} finally {
				kuma.close();
				await close();
			}
		};
		const words = { title: "Kept", content: "Kept.", style: "info" } as const;
		try {
			await once(async (kuma) => {
				assert.equal(await kuma.enter("operator", word), true);
				await kuma.call("addStatusPage", "Kept", "kept");
				await showIncident(kuma, "kept", "begin", words);
			});
			await once(async (kuma) => {
				assert.equal(await kuma.enter("operator", word), false);
				assert.equal((await kuma.incidents("kept"))[0]?.title, "Kept");
			});
		} finally {
			rmSync(folder, { recursive: true });
		}
	});
});

describe("the desired state", () => {
	const args = {
		title: "example.com",
		hostnames: { site: "a.example", api: "b.example", status: "c.example" },
		databaseToken: "token",
	};

	it("tells the operators by the stack's mail server and webhook", () => {
		const mail = {
			from: "ops@example.com",
			to: ["one@example.com", "two@example.com"],
		};
		const [smtp, webhook] = desiredState({
			...args,
			mail: {
				...mail,
				smtpUrl: "smtps://us%40er:pass%3Aword@smtp.example.com",
			},
			webhookUrl: "https://hook.example.com/",
		}).notifications;
		assert.deepEqual(smtp?.settings, {
			...{ type: "smtp", smtpHost: "smtp.example.com", smtpPort: 465 },
			...{ smtpSecure: true, smtpIgnoreSTARTTLS: false },
			...{ smtpUsername: "us@er", smtpPassword: "pass:word" },
			smtpFrom: "ops@example.com",
			smtpTo: "one@example.com,two@example.com",
		});
		assert.equal(webhook?.settings.webhookURL, "https://hook.example.com/");
		const [plain] = desiredState({
			...args,
			mail: { ...mail, smtpUrl: "smtp://127.0.0.1:2525?ignoreTLS=true" },
		}).notifications;
		assert.equal(plain?.settings.smtpIgnoreSTARTTLS, true);
		assert.deepEqual(desiredState(args).notifications, []);
	});

	it("looks at sensors' uplinks only where the stack has them", () => {
		const keys = (uplinkPath?: string) =>
			desiredState({ ...args, uplinkPath })
				.groups.flatMap(({ monitors }) => monitors.map(({ key }) => key))
				.join(" ");
		assert.equal(keys(), "site api database status");
		assert.equal(keys("/uplinks"), "site api uplinks database status");
	});
});
