import assert from "node:assert/strict";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { http } from "../../cutover/http";
import { type Authority, createAuthority } from "../authority";

describe("http by name at a given address", () => {
	let authority: Authority;
	let server: Server;
	let port: number;
	before(async () => {
		authority = await createAuthority("test");
		const { certificate, key } = await authority.issue(["site.example.test"]);
		server = createServer({ cert: certificate, key }, (request, response) => {
			let body = "";
			request.on("data", (chunk) => {
				body += chunk;
			});
			request.on("end", () => {
				if (request.url === "/silent") return;
				response.end(`${request.method} ${request.headers.host} ${body}`);
			});
		});
		await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
		port = (server.address() as AddressInfo).port;
	});
	after(() => {
		server.closeAllConnections();
		server.close();
	});

	const ask = (name: string, path = "/", timeoutMs = 5_000) =>
		http(`https://${name}:${port}${path}`, {
			address: "127.0.0.1",
			ca: authority.certificate,
			json: { a: 1 },
			timeoutMs,
		});

	it("asks the address with the name of the URL, and verifies for that name", async () => {
		const answer = await ask("site.example.test");
		assert.equal(answer.status, 200);
		assert.equal(answer.body, `POST site.example.test:${port} {"a":1}`);
	});

	it("refuses a certificate made out to another name", async () => {
		await assert.rejects(ask("other.example.test"), /altnames/);
	});

	it("refuses an authority nobody named", async () => {
		await assert.rejects(
			http(`https://site.example.test:${port}/`, { address: "127.0.0.1" }),
			/certificate/,
		);
	});

	it("gives up on a server that stays silent", async () => {
		await assert.rejects(
			ask("site.example.test", "/silent", 200),
			/no answer in time/,
		);
	});
});
