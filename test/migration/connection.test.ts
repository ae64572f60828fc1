import assert from "node:assert/strict";
import { clientConfig, maskUrl } from "../../migration/connection";
import { startLocalPostgres } from "../postgres";
import { migrateHere, refused } from "./cli";

const config = (url: string, ca?: string) =>
	clientConfig({ label: "source", url, ca });

describe("connection URLs", () => {
	it("mean what libpq takes them for", () => {
		const full = config(
			"postgresql://u%40x:p%2Fw@db.example.com:5433/app?sslmode=verify-full",
			"PEM",
		);
		assert.equal(full.user, "u@x");
		assert.equal(full.password, "p/w");
		assert.equal(full.host, "db.example.com");
		assert.equal(full.port, 5433);
		assert.equal(full.database, "app");
		assert.deepEqual(full.ssl, { ca: "PEM", servername: "db.example.com" });
	});

	it("encrypt without an authority for require, verify it where there is one", () => {
		const url = "postgres://u@db.example.com/app?sslmode=require";
		assert.deepEqual(config(url).ssl, {
			rejectUnauthorized: false,
			servername: "db.example.com",
		});
		const { ssl } = config(url, "PEM");
		assert.ok(typeof ssl === "object" && ssl.ca === "PEM");
		assert.equal(ssl.checkServerIdentity?.("other", {} as never), undefined);
	});

	it("encrypt by default, but not on this machine", () => {
		assert.ok(config("postgres://u@db.example.com/app").ssl);
		assert.equal(config("postgres://u@127.0.0.1/app").ssl, false);
	});

	it("lose their password in messages", () => {
		assert.equal(
			maskUrl("postgres://u:secret@host/app?password=secret"),
			"postgres://u:***@host/app?password=***",
		);
		assert.equal(maskUrl("secret"), "(not a URL)");
	});
});

describe("a server that takes TLS only", () => {
	it("is verified by the given authority, and refused without it", async () => {
		const server = await startLocalPostgres({ version: 17, tls: true });
		try {
			const source = `${server.url()}?sslmode=verify-full`;
			const args = ["freeze", "--dry-run", "--source", source];
			const { exitCode } = await migrateHere(args, {
				SOURCE_DATABASE_CA: server.ca ?? "",
			});
			assert.equal(exitCode, 0);
			const error = await refused(args);
			assert.match(error.found, /certificate/);
			await migrateHere(["freeze", "--dry-run"], {
				SOURCE_DATABASE_URL: `${server.url()}?sslmode=require`,
			});
		} finally {
			await server.stop();
		}
	});
});
