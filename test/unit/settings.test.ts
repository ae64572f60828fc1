import assert from "node:assert/strict";
import { UserError } from "../../cutover/errors";
import { deliveryOf } from "../../infra/alert-settings";
import { ownConfig, parseSettings, secretKeys } from "../../infra/settings";
import { stackConfig } from "../graph/stacks";

function config(changes: Record<string, string | undefined> = {}) {
	const values = ownConfig(stackConfig("staging").config);
	return Object.fromEntries(
		Object.entries({ ...values, ...changes }).filter(
			(entry): entry is [string, string] => entry[1] !== undefined,
		),
	);
}

function refused(changes: Record<string, string | undefined>): string {
	try {
		parseSettings(config(changes));
	} catch (error) {
		assert.ok(error instanceof UserError);
		return error.message;
	}
	assert.fail("the configuration was accepted");
}

describe("settings", () => {
	it("reads text, numbers, lists and objects as Pulumi keeps them", () => {
		const settings = parseSettings(
			config({ droplets: "3", databaseVersion: "16", sync: "true" }),
		);
		assert.equal(settings.droplets, 3);
		assert.equal(settings.databaseVersion, "16");
		assert.equal(settings.sync, true);
		assert.equal(settings.acme.email, "support@freshtrackpro.com");
		assert.equal(settings.images.caddy, "caddy:2.11.9");
	});

	it("keeps text that looks like a number as text", () => {
		const { stackAuthSecretServerKey } = parseSettings(
			config({ stackAuthSecretServerKey: "12345" }),
		);
		assert.equal(stackAuthSecretServerKey, "12345");
	});

	it("reads the users' keys from a namespace of their own, and holds them as strictly", () => {
		const users = (key: string, value: string) =>
			ownConfig({ ...stackConfig("staging").config, [key]: value });
		assert.equal(
			parseSettings(users("users:carryHashes", "false")).users.carryHashes,
			false,
		);
		assert.equal(
			parseSettings(config({ users: undefined })).users.carryHashes,
			true,
		);
		assert.throws(
			() => parseSettings(users("users:carryHashes", "yes")),
			/users:carryHashes: expected boolean.*pulumi config set users:carryHashes 'true'/s,
		);
		assert.throws(
			() => parseSettings(users("users:carryHash", "true")),
			/users:carryHash: .*unknown key; pulumi config rm users:carryHash/,
		);
	});

	it("reads the mapping's name, which ends in a command line", () => {
		const named = (mapping: string | undefined) =>
			parseSettings(
				ownConfig(
					stackConfig("staging", { "migration:mapping": mapping }).config,
				),
			).migration.mapping;
		assert.equal(named("freshtrack"), "freshtrack");
		assert.equal(named(undefined), undefined);
		for (const wrong of ["", "../x", "a b", "a;b", "--all"])
			assert.throws(
				() => named(wrong),
				/migration:mapping: expected the name of a file in migration\/mapping\/.*pulumi config set migration:mapping 'NAME'/s,
			);
	});

	it("reads what may stay behind as a list, with what is wrong with it", () => {
		const accepted = (value: unknown) =>
			parseSettings(
				ownConfig(
					stackConfig("staging", { "migration:acceptRejects": value }).config,
				),
			).migration.acceptRejects;
		assert.deepEqual(accepted(undefined), []);
		assert.deepEqual(accepted(["readings: value is null"]), [
			"readings: value is null",
		]);
		assert.throws(
			() => accepted(["readings"]),
			/migration:acceptRejects\.0: expected TABLE:REASON; for example pulumi config set migration:acceptRejects '\["TABLE:REASON"\]'/,
		);
	});

	it("names an unknown key and how to remove it", () => {
		assert.match(
			refused({ dropletz: "2" }),
			/cutover:dropletz: .*unknown key; pulumi config rm cutover:dropletz/,
		);
	});

	it("names an unknown key inside an object", () => {
		assert.match(
			refused({
				notices: '{"from":"a@example.com","to":["b@example.com"],"cc":1}',
			}),
			/cutover:notices\.cc: .*unknown key/,
		);
	});

	it("names the key, what was expected and an example for a wrong type", () => {
		assert.match(
			refused({ droplets: "many" }),
			/cutover:droplets: expected number.*pulumi config set cutover:droplets '1'/,
		);
		assert.match(
			refused({ sync: "yes" }),
			/cutover:sync: expected boolean.*pulumi config set cutover:sync 'true'/,
		);
		assert.match(
			refused({ sshCidrs: '["everywhere"]' }),
			/cutover:sshCidrs\.0: expected an IPv4 network.*198\.51\.100\.0\/24/,
		);
		assert.match(refused({ legacyAddress: "old" }), /an IPv4 address/);
	});

	it("names a missing key, with --secret where it is one", () => {
		assert.match(
			refused({ stackAuthSecretServerKey: undefined }),
			/pulumi config set --secret cutover:stackAuthSecretServerKey/,
		);
	});

	it("tells every problem at once", () => {
		const message = refused({ droplets: "0", region: undefined, extra: "1" });
		assert.match(message, /cutover:droplets/);
		assert.match(message, /cutover:extra/);
	});

	it("never repeats a value, which may be a secret", () => {
		const message = refused({ sourceDatabaseUrl: "not-a-url-PLAIN" });
		assert.doesNotMatch(message, /PLAIN/);
	});

	for (const [flag, below] of [
		["freeze", "sync"],
		["dnsSwitch", "freeze"],
		["finalize", "dnsSwitch"],
	] as const) {
		it(`refuses ${flag} without ${below} and says what to type`, () => {
			assert.match(
				refused({ [flag]: "true" }),
				new RegExp(
					`cutover:${flag}: expected cutover:${below} to be true.*pulumi config set cutover:${below} true`,
				),
			);
		});
	}

	it("refuses sync without a source", () => {
		assert.match(
			refused({ sync: "true", sourceDatabaseUrl: undefined }),
			/--secret cutover:sourceDatabaseUrl/,
		);
	});

	it("refuses the freeze, and so the switch, without the key that repoints TTN", () => {
		const flags = { sync: "true", freeze: "true" };
		assert.match(
			refused({ ...flags, ttnApiKey: undefined }),
			/--secret cutover:ttnApiKey/,
		);
	});

	it("sends alerts where a sender and a mail server are named", () => {
		assert.match(
			refused({ notices: undefined, smtpUrl: undefined }),
			/cutover:alerts: expected cutover:notices.*\n.*cutover:alerts: expected cutover:smtpUrl/,
		);
		assert.match(
			refused({ alerts: '{"to":[]}' }),
			/cutover:alerts\.to: expected at least one/,
		);
		assert.match(
			refused({ smtpUrl: "smtps://user:secret@smtp.example:2465" }),
			/cutover:smtpUrl: expected port 465 with smtps.*found 2465/,
		);
		const quiet = config({ alerts: undefined, smtpUrl: undefined });
		assert.equal(deliveryOf(parseSettings(quiet)), undefined);
		assert.deepEqual(
			deliveryOf(parseSettings(config({ smtpUrl: "smtp://smtp.example" }))),
			{
				to: ["support@freshtrackpro.com"],
				from: "support@freshtrackpro.com",
				smtpUrl: "smtp://smtp.example",
			},
		);
	});

	it("refuses alerts' URLs in plain text: they are keys", () => {
		const alerts =
			'{"to":["a@example.com"],"deadMansUrl":"https://ping.example/PLAIN"}';
		assert.throws(
			() => parseSettings(config({ alerts }), (key) => key !== "alerts"),
			(error: Error) => {
				assert.match(
					error.message,
					/cutover:alerts\.deadMansUrl: expected an encrypted value.*--secret --path cutover:alerts\.deadMansUrl/,
				);
				assert.doesNotMatch(error.message, /PLAIN/);
				return true;
			},
		);
	});

	it("refuses secrets in plain text", () => {
		for (const key of secretKeys) {
			assert.throws(
				() => parseSettings(config(), (asked) => asked !== key),
				new RegExp(`cutover:${key}: expected an encrypted value`),
			);
		}
	});
});
