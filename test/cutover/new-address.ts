import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { Site } from "../../cutover/checks/site";
import type { StackOutputs } from "../../cutover/stack";
import { createAuthority } from "../authority";

/** What answers under a path of a host name; undefined: 404. */
export type Answers = (
	path: string,
	authorized: boolean,
) => Promise<{ status: number; body: string } | undefined>;

const domain = "product.test";
export const monitoring = { user: "operator", password: "s3cret-word" };

/**
 * The new system's front door as the checks meet it: HTTPS by name, with an authority
 * of its own, and the log-in before the monitoring's host.
 */
export class NewAddress {
	readonly asked: string[] = [];
	private constructor(
		private readonly server: Server,
		readonly site: Site,
		private readonly authority: string,
	) {}

	static async open(
		hosts: Partial<Record<keyof StackOutputs["hostnames"], Answers>>,
		outputs: Partial<StackOutputs> = {},
	): Promise<NewAddress> {
		const hostnames = {
			site: domain,
			api: `api.${domain}`,
			monitoring: `monitoring.${domain}`,
			status: `status.${domain}`,
		};
		const authority = await createAuthority("new-address");
		const { certificate, key } = await authority.issue(
			Object.values(hostnames),
		);
		const { user, password } = monitoring;
		const basic = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
		const server = createServer(
			{ cert: certificate, key },
			async (request, response) => {
				const [name = ""] = (request.headers.host ?? "").split(":");
				const host = Object.entries(hostnames).find(
					([, of]) => of === name,
				)?.[0];
				const authorized = request.headers.authorization === basic;
				opened.asked.push(`${name}${request.url}`);
				if (host === "monitoring" && !authorized)
					return void response.writeHead(401).end();
				const answers = hosts[host as keyof typeof hosts];
				const answer = await answers?.(request.url ?? "/", authorized).catch(
					() => ({ status: 502, body: "" }),
				);
				response.writeHead(answer?.status ?? 404).end(answer?.body ?? "");
			},
		);
		await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
		const { port } = server.address() as AddressInfo;
		const given = { domain, hostnames, reservedIp: "127.0.0.1", monitoring };
		const site = new Site(
			"production",
			{ ...given, ...outputs } as StackOutputs,
			{},
			port,
		);
		const opened = new NewAddress(server, site, authority.certificate);
		return opened;
	}

	/** PEM, for CUTOVER_CA_FILE. */
	get root(): string {
		return this.authority;
	}

	close(): void {
		this.server.closeAllConnections();
		this.server.close();
	}
}

/** Hands what is under a prefix to a server of this machine, as Caddy does. */
export function proxy(prefix: string, port: number): Answers {
	return async (path) => {
		if (!path.startsWith(prefix)) return undefined;
		const answer = await fetch(
			`http://127.0.0.1:${port}${path.slice(prefix.length)}`,
		);
		return { status: answer.status, body: await answer.text() };
	};
}

/** A status page with two monitors, in the form of Uptime Kuma's public API. */
export function statusPageWith(status: number): Answers {
	return async (path) => {
		const beat = { status, msg: "" };
		const body = path.startsWith("/api/status-page/heartbeat/")
			? { heartbeatList: { 1: [beat], 2: [{ status: 1, msg: "" }] } }
			: {
					config: { slug: "status", title: "Status" },
					publicGroupList: [
						{
							id: 1,
							name: "Product",
							monitorList: [
								{ id: 1, name: "API" },
								{ id: 2, name: "Site" },
							],
						},
					],
				};
		return { status: 200, body: JSON.stringify(body) };
	};
}
