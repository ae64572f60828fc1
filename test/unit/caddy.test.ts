import assert from "node:assert/strict";
import { caddyfile } from "../../caddy/caddyfile";
import { issuerFolder, storageFiles } from "../../caddy/storage";
import { hostnamesOf } from "../../infra/dns";

const base = {
	hostnames: hostnamesOf("example.com"),
	acme: { directory: "https://acme.example/dir", email: "ops@example.com" },
	monitoringUsersFile: "/run/secrets/monitoring-users",
};

describe("Caddyfile", () => {
	it("serves every name", () => {
		const text = caddyfile(base);
		for (const name of Object.values(base.hostnames)) {
			assert.match(text, new RegExp(`^${name} \\{$`, "m"));
		}
	});

	it("asks for a log-in before monitoring, with hashes from a secret", () => {
		assert.match(
			caddyfile(base),
			/basic_auth \{\n\t\timport \/run\/secrets\/monitoring-users\n/,
		);
	});

	it("trusts another authority only when one is given", () => {
		assert.doesNotMatch(caddyfile(base), /acme_ca_root/);
		const acme = { ...base.acme, caFile: "/etc/caddy/acme-ca.pem" };
		assert.match(
			caddyfile({ ...base, acme }),
			/^\tacme_ca_root \/etc\/caddy\/acme-ca\.pem$/m,
		);
	});
});

describe("Caddy's storage", () => {
	it("names an issuer's folder as certmagic does", () => {
		const folders = {
			"https://acme-v02.api.letsencrypt.org/directory":
				"acme-v02.api.letsencrypt.org-directory",
			"https://203.0.113.1:14000/dir": "203.0.113.1-14000-dir",
			"https://ca.example/": "ca.example",
			"https://ca.example/acme/v2/": "ca.example-acme-v2",
		};
		for (const [directory, folder] of Object.entries(folders)) {
			assert.equal(issuerFolder(directory), folder);
		}
	});

	it("lays three files a name", () => {
		const files = storageFiles("https://ca.example/dir", [
			{ hostname: "api.example.com", chain: "CHAIN", privateKey: "KEY" },
		]);
		const path = "certificates/ca.example-dir/api.example.com/api.example.com";
		assert.deepEqual(
			files.map((file) => file.path),
			[`${path}.crt`, `${path}.key`, `${path}.json`],
		);
		assert.deepEqual(JSON.parse(files[2]?.content ?? "").sans, [
			"api.example.com",
		]);
	});
});
