import assert from "node:assert/strict";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { waitFor } from "../../cutover/wait";
import { createAuthority } from "../authority";
import { HostTable } from "../emulator/dns/hosts";
import { DnsServer } from "../emulator/dns/server";
import { emptyState } from "../emulator/state";
import { cachingResolver, Load } from "./load";

/** An old and a new system on addresses of their own, and the name server between. */
describe("simulated users", () => {
	const record = { id: 1, type: "A", name: "@", data: "127.0.0.21", ttl: 1 };
	const unit = "00000000-0000-4000-8000-000000000001";
	const answers: Record<string, unknown> = {
		"/api/auth/login": { accessToken: "token" },
		"/api/units": { units: [{ id: unit }] },
	};
	let dns: DnsServer;
	let old: Server;
	let fresh: Server;
	let ca: string;
	let port: number;
	/** What the new system answers; 200 where undefined. */
	let broken: number | undefined;

	before(async () => {
		const state = emptyState();
		const zone = { name: "example.com", ttl: 60, records: [record] };
		state.domains.set("example.com", zone as never);
		const hosts = new HostTable();
		dns = await DnsServer.listen({
			state,
			hosts,
			address: "127.0.0.1",
			port: 0,
		});
		const authority = await createAuthority("simulated users");
		const { certificate: cert, key } = await authority.issue(["example.com"]);
		ca = authority.certificate;
		const listen = (server: Server, port: number, address: string) =>
			new Promise<void>((done) => server.listen(port, address, done));
		old = createServer({ cert, key }, (_request, response) => {
			response.end("a page");
		});
		await listen(old, 0, "127.0.0.21");
		({ port } = old.address() as AddressInfo);
		fresh = createServer({ cert, key }, ({ url = "" }, response) => {
			response.writeHead(broken ?? 200);
			response.end(JSON.stringify(answers[url] ?? {}));
		});
		await listen(fresh, port, "127.0.0.22");
	});
	after(async () => {
		await dns?.close();
		for (const server of [old, fresh]) {
			server?.close();
			server?.closeAllConnections();
		}
	});

	it("follow the name when its TTL is over, and count what fails by kind and address", async () => {
		const host = `example.com:${port}`;
		const load = new Load({
			people: 4,
			pauseMs: 2,
			hostnames: { site: host, api: host },
			resolve: cachingResolver(`127.0.0.1:${dns.port}`),
			ca,
			logIn: { email: "a@example.com", password: "b" },
		});
		const answered = (address: string, least: number) =>
			waitFor(
				`${least} answers of ${address}`,
				async () => (load.counts.answered[address] ?? 0) >= least || undefined,
				{ timeoutMs: 10_000, intervalMs: 5 },
			);
		try {
			await answered("127.0.0.21", 50);
			assert.equal(load.counts.answered["127.0.0.22"], undefined);
			record.data = "127.0.0.22";
			await answered("127.0.0.22", 50);
			// Nobody with an open connection has to ask for the name again.
			old.closeAllConnections();
			await waitFor(
				"histories looked at",
				async () => (load.counts.ok.history ?? 0) > 10 || undefined,
				{ timeoutMs: 10_000, intervalMs: 5 },
			);
			broken = 503;
			await waitFor(
				"pages that fail",
				async () => (load.counts.failed.page ?? 0) > 0 || undefined,
				{ timeoutMs: 10_000, intervalMs: 5 },
			);
		} finally {
			await load.stop();
		}
		const { sent, ok, failed, serverErrors, examples } = load.counts;
		const sum = (counts: Record<string, number>) =>
			Object.values(counts).reduce((all, count) => all + count, 0);
		assert.equal(sent, sum(ok) + sum(failed));
		assert.equal(serverErrors["127.0.0.21"], undefined);
		assert.ok((serverErrors["127.0.0.22"] ?? 0) > 0);
		assert.match(examples.at(-1) ?? "", /503 from 127\.0\.0\.22/);
		for (const kind of ["page", "log-in", "history", "health"] as const) {
			assert.ok(ok[kind], `no ${kind}`);
		}
	});
});
