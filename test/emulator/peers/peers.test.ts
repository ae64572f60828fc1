import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { createTransport } from "nodemailer";
import { Client } from "pg";
import { HostTable } from "../dns/hosts";
import { DnsServer } from "../dns/server";
import { emptyState } from "../state";
import { type Peers, startPeers } from "./index";
import { createTestNetwork, type TestNetwork } from "./test-network";

describe("the peers of a cutover", function () {
	this.timeout(240_000);
	const docker = new Docker();
	const hosts = new HostTable();
	let network: TestNetwork;
	let dns: DnsServer;
	let stateDir: string;
	let peers: Peers;

	before(async () => {
		stateDir = await mkdtemp(join(tmpdir(), "peers-test-"));
		network = await createTestNetwork(docker);
		dns = await DnsServer.listen({
			state: emptyState(),
			hosts,
			address: network.gateway,
			port: 53,
		});
		hosts.set("freshtrackpro.com", network.address(10));
		peers = await startPeers({
			docker,
			network,
			stateDir,
			labels: network.labels,
			resolver: `${network.gateway}:53`,
		});
	});

	after(async () => {
		await peers?.close();
		await dns?.close();
		await network?.remove();
		await rm(stateDir, { recursive: true, force: true });
	});

	const environment = (name: string) => {
		const value = peers.environment[name];
		assert.ok(value, `${name} is not exported`);
		return value;
	};
	const control = async (method: string, path: string, body?: unknown) => {
		const answer = await peers.hook(path, method, body);
		assert.equal(answer?.status, 200, JSON.stringify(answer?.body));
		return answer?.body as Record<string, unknown>;
	};

	const connectSource = async () => {
		const url = new URL(environment("SOURCE_DATABASE_URL"));
		// pg would take sslmode=require for verification by the host's roots.
		url.search = "";
		const source = new Client({
			connectionString: url.href,
			ssl: {
				ca: await readFile(environment("SOURCE_DATABASE_CA_FILE"), "utf8"),
			},
		});
		await source.connect();
		return source;
	};

	it("takes an uplink through the legacy webhook into the source, and 202 for an unknown device", async () => {
		const source = await connectSource();
		try {
			const answer = await control("POST", "/ttn/uplink", {
				temperature: 4.25,
			});
			assert.equal(answer.status, 200, String(answer.body));
			const { readingId } = JSON.parse(String(answer.body));
			const { rows } = await source.query(
				"SELECT temperature FROM sensor_readings WHERE id = $1",
				[readingId],
			);
			assert.equal(rows[0]?.temperature, "4.25");
			const unknown = await control("POST", "/ttn/uplink", {
				temperature: 1,
				devEui: "0000000000000001",
			});
			assert.equal(unknown.status, 202);
		} finally {
			await source.end();
		}
	});

	it("answers 503 to an uplink while the source refuses writes", async () => {
		const source = await connectSource();
		try {
			await source.query(`
				CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'frozen'; END $$;
				CREATE TRIGGER refuse BEFORE INSERT ON sensor_readings EXECUTE FUNCTION refuse()`);
			const answer = await control("POST", "/ttn/uplink", { temperature: 4 });
			assert.equal(answer.status, 503);
		} finally {
			await source.query("DROP FUNCTION refuse CASCADE");
			await source.end();
		}
	});

	it("serves the old system's page by name over HTTPS", async () => {
		const ca = await readFile(environment("LEGACY_CA_FILE"), "utf8");
		const page = await get({
			host: network.address(10),
			servername: "freshtrackpro.com",
			ca,
		});
		assert.equal(page.headers["x-served-by"], "legacy");
		assert.match(page.text, /stand-in/);
	});

	it("repoints a webhook with a field mask and leaves its secret as it was", async () => {
		const [application] = environment("TTN_APPLICATION_IDS").split(",");
		const base = `${environment("TTN_API_URL")}/api/v3/as/webhooks/${application}`;
		const headers = { authorization: `Bearer ${environment("TTN_API_KEY")}` };
		const before = (await (
			await fetch(`${base}?field_mask=base_url,uplink_message`, { headers })
		).json()) as {
			webhooks: {
				ids: { webhook_id: string };
				base_url: string;
				uplink_message: { path: string };
			}[];
		};
		const [first] = before.webhooks;
		assert.ok(first);
		assert.equal(first.base_url, `http://${network.address(10)}`);
		const id = first.ids.webhook_id;
		const put = (webhook: object, paths: string[]) =>
			fetch(`${base}/${id}`, {
				method: "PUT",
				headers,
				body: JSON.stringify({
					webhook: { ids: { webhook_id: id }, ...webhook },
					field_mask: { paths },
				}),
			});
		assert.equal(
			(
				await put({ base_url: "http://freshtrackpro.com", headers: {} }, [
					"base_url",
				])
			).status,
			200,
		);
		const after = (await (
			await fetch(`${base}/${id}?field_mask=base_url,headers`, { headers })
		).json()) as {
			base_url: string;
			headers: Record<string, string>;
		};
		assert.equal(after.base_url, "http://freshtrackpro.com");
		assert.ok(after.headers["X-Webhook-Secret"]);
		const uplink = await control("POST", "/ttn/uplink", { temperature: 5 });
		assert.equal(uplink.status, 200, "by name, through the emulated DNS");
		await put({ base_url: first.base_url }, ["base_url"]);
		assert.equal(
			(await fetch(base, { headers: { authorization: "Bearer no" } })).status,
			403,
		);
	});

	it("keeps mail in the mailbox and asks for a log-in", async () => {
		const transport = createTransport(environment("SMTP_URL"));
		const { messageId } = await transport.sendMail({
			from: "a@example.com",
			to: ["b@example.com", "c@example.com"],
			subject: "Wartung – 48 h",
			text: "See you",
		});
		transport.close();
		const { messages } = (await control("GET", "/mailbox")) as {
			messages: { messageId: string; to: string[]; subject: string }[];
		};
		const mail = messages.find((each) => each.messageId === messageId);
		assert.deepEqual(mail?.to, ["b@example.com", "c@example.com"]);
		assert.equal(mail?.subject, "Wartung – 48 h");
		const stranger = new URL(environment("SMTP_URL"));
		stranger.password = "wrong";
		await assert.rejects(
			createTransport(stranger.href).sendMail({
				from: "a@example.com",
				to: "b@example.com",
				text: "",
			}),
			/Authentication credentials invalid/,
		);
	});

	it("logs in a person whose hash came from the source, by a token that verifies", async () => {
		const { carried } = (await control("GET", "/logins")) as unknown as {
			carried: { email: string; password: string };
		};
		const api = environment("STACK_AUTH_API_URL");
		const project = environment("STACK_AUTH_PROJECT_ID");
		const source = await connectSource();
		const { rows } = await source.query(
			"SELECT encrypted_password FROM auth.users WHERE email = $1",
			[carried.email],
		);
		await source.end();
		const common = {
			"content-type": "application/json",
			"x-stack-project-id": project,
		};
		const created = await fetch(`${api}/api/v1/users`, {
			method: "POST",
			headers: {
				...common,
				"x-stack-access-type": "server",
				"x-stack-secret-server-key": environment(
					"STACK_AUTH_SECRET_SERVER_KEY",
				),
			},
			body: JSON.stringify({
				primary_email: carried.email,
				primary_email_auth_enabled: true,
				password_hash: rows[0].encrypted_password,
			}),
		});
		assert.equal(created.status, 201, await created.clone().text());
		const { id } = (await created.json()) as { id: string };
		const signedIn = await fetch(`${api}/api/v1/auth/password/sign-in`, {
			method: "POST",
			headers: {
				...common,
				"x-stack-access-type": "client",
				"x-stack-publishable-client-key": environment(
					"STACK_AUTH_PUBLISHABLE_CLIENT_KEY",
				),
			},
			body: JSON.stringify(carried),
		});
		assert.equal(signedIn.status, 200);
		const { access_token } = (await signedIn.json()) as {
			access_token: string;
		};
		const keys = createRemoteJWKSet(
			new URL(`${api}/api/v1/projects/${project}/.well-known/jwks.json`),
		);
		const { payload } = await jwtVerify(access_token, keys, {
			issuer: `${api}/api/v1/projects/${project}`,
			audience: project,
		});
		assert.equal(payload.sub, id);
	});

	it("offers an ACME directory over TLS", async () => {
		const directory = new URL(environment("ACME_DIRECTORY_URL"));
		const ca = await readFile(environment("ACME_CA_FILE"), "utf8");
		const { text } = await get({
			host: directory.hostname,
			port: directory.port,
			path: directory.pathname,
			ca,
		});
		assert.ok(JSON.parse(text).newOrder);
		assert.match(
			await readFile(environment("ACME_ROOT_FILE"), "utf8"),
			/BEGIN CERTIFICATE/,
		);
	});
});

function get(options: {
	host: string;
	port?: string;
	path?: string;
	servername?: string;
	ca: string;
}): Promise<{
	text: string;
	headers: Record<string, string | string[] | undefined>;
}> {
	return new Promise((resolve, reject) => {
		request({ ...options, agent: false }, (response) => {
			let text = "";
			response.on("data", (chunk: Buffer) => {
				text += chunk.toString();
			});
			response.on("end", () => resolve({ text, headers: response.headers }));
		})
			.on("error", reject)
			.end();
	});
}
