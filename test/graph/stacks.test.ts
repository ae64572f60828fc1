import assert from "node:assert/strict";
import { golden, goldenFile } from "./golden";
import { mocks } from "./mocks";
import { type Registered, runProgram } from "./monitor";
import { stackConfig } from "./stacks";

const flags = ["sync", "freeze", "dnsSwitch", "finalize"];
const allFlags = Object.fromEntries(
	flags.map((flag) => [`cutover:${flag}`, true]),
);

async function deploy(
	stack: string,
	changes: Record<string, unknown> = {},
	account = {},
): Promise<Registered[]> {
	const { resources } = await runProgram({
		stack,
		...stackConfig(stack, changes),
		mocks: mocks(account),
	});
	return resources;
}

describe("the stacks under mocks", () => {
	for (const stack of ["staging", "production"]) {
		it(`${stack} registers what its golden list says`, async () => {
			const actual = golden(await deploy(stack));
			assert.equal(
				actual,
				goldenFile(stack, actual),
				"the resources differ from the golden list; if that is meant, UPDATE_GOLDEN=1 npx mocha test/graph",
			);
		});
	}

	it("production at the top of the ladder registers what its golden list says", async () => {
		const actual = golden(await deploy("production", allFlags));
		assert.equal(actual, goldenFile("production-finalize", actual));
	});

	it("gives no secret in plain text to the engine", async () => {
		const resources = await deploy("production", allFlags);
		const text = golden(resources);
		for (const plain of [
			/PLAIN-/,
			/password-of-/,
			/hash-of-/,
			/BEGIN OPENSSH PRIVATE KEY/,
		]) {
			assert.doesNotMatch(text, plain);
		}
	});

	it("gives every service limits, a health check and a rollback", async () => {
		const services = (await deploy("production")).filter(
			({ type }) => type === "docker:index/service:Service",
		);
		assert.equal(services.length, 14);
		for (const { name, inputs } of services) {
			const { taskSpec, updateConfig } = inputs as {
				taskSpec: {
					resources: { limits: { memoryBytes: number; nanoCpus: number } };
					containerSpec: { healthcheck: { tests: string[] } };
				};
				updateConfig: { failureAction: string };
			};
			assert.ok(taskSpec.resources.limits.memoryBytes > 0, name);
			assert.ok(taskSpec.resources.limits.nanoCpus > 0, name);
			// The collector's image has nothing in it that could ask.
			const asked = taskSpec.containerSpec.healthcheck.tests.length > 1;
			assert.equal(asked, name !== "otel-collector-service", name);
			assert.equal(updateConfig.failureAction, "rollback", name);
		}
	});

	it("opens ssh to the listed networks only", async () => {
		const resources = await deploy("production", {
			"cutover:sshCidrs": ["198.51.100.0/24"],
		});
		const { inboundRules } = find(resources, "network-firewall").inputs as {
			inboundRules: { portRange: string; sourceAddresses?: string[] }[];
		};
		assert.deepEqual(
			inboundRules
				.filter(({ portRange }) => portRange === "22")
				.map(({ sourceAddresses }) => sourceAddresses),
			[["198.51.100.0/24"]],
		);
	});

	it("keeps names, and the data unless their loss is allowed, when the stack goes", async () => {
		const kept = async (changes: Record<string, unknown> = {}) =>
			(await deploy("production", changes))
				.filter(({ retainOnDelete }) => retainOnDelete)
				.map(({ name }) => name)
				.sort();
		const names = [
			...["records-api", "records-monitoring", "records-site"],
			...["records-status", "zone-domain"],
		];
		assert.deepEqual(await kept({ "cutover:allowDataLoss": true }), names);
		assert.deepEqual(await kept(), [
			...["database-cluster", "database-db", "database-firewall"],
			...["database-observer", "database-user", "network-vpc", ...names],
		]);
	});

	it("lets no kept cluster's list of trusted sources get empty, which would open it", async () => {
		const firewall = find(await deploy("production"), "database-firewall");
		const { rules } = firewall.inputs as { rules: { type: string }[] };
		assert.ok(rules.some(({ type }) => type === "ip_addr"));
	});

	it("skips what is inside the machine when the machine goes, but never the way back, the barrier, the journal or who follows it", async () => {
		const resources = await deploy("production", allFlags);
		const source = ["migration-freeze", "migration-sync", "follower-service"];
		for (const { type, name, deletedWith } of resources) {
			if (source.includes(name)) continue;
			if (type.startsWith("docker:") || type === "command:remote:Command") {
				assert.ok(deletedWith, `${name} would block a destroy`);
			}
		}
		for (const name of ["rollback", ...source]) {
			assert.equal(find(resources, name).deletedWith, undefined);
		}
	});

	it("adds the ladder's steps one by one, each after the one before", async () => {
		const steps = (resources: Registered[]) =>
			resources.filter(({ name }) => name.startsWith("migration-"));
		assert.deepEqual(steps(await deploy("production")), []);
		assert.deepEqual(
			steps(await deploy("production", { "cutover:sync": true })).map(
				({ name }) => name,
			),
			["migration-probe", "migration-users", "migration-sync"],
		);
		const all = steps(
			await deploy("production", {
				"cutover:sync": true,
				"cutover:freeze": true,
			}),
		);
		assert.deepEqual(
			all.slice(3).map(({ name }) => name),
			["migration-freeze"],
		);
		for (const [index, { dependsOn }] of all.entries()) {
			const before = all[index - 1];
			if (before) assert.ok(dependsOn.includes(before.name));
		}
	});

	it("follows the source from the copy to the freeze, which begins when that has stopped", async () => {
		const synced = { "cutover:sync": true };
		const frozen = { ...synced, "cutover:freeze": true };
		const replicas = ({ inputs }: Registered) =>
			(inputs as { mode: { replicated: { replicas: number } } }).mode.replicated
				.replicas;
		const names = (await deploy("production")).map(({ name }) => name);
		assert.ok(!names.some((name) => name.startsWith("follower")));

		const below = await deploy("production", synced);
		const follower = find(below, "follower-service");
		assert.equal(replicas(follower), 1);
		assert.ok(follower.dependsOn.includes("migration-sync"));
		// Where freeze and switch are taken back at once, the data go back first.
		assert.ok(follower.dependsOn.includes("switch"));
		// A destroy exports while it still follows.
		assert.ok(
			dependenciesOf(below, find(below, "rollback")).has("follower-service"),
		);

		const above = await deploy("production", frozen);
		const stopped = find(above, "follower-service");
		assert.equal(replicas(stopped), 0);
		assert.ok(stopped.dependsOn.includes("migration-sync"));
		const freeze = find(above, "migration-freeze");
		assert.ok(freeze.dependsOn.includes("follower-service"));
		assert.ok(!dependenciesOf(above, stopped).has("switch"));
	});

	it("freezes in one step, for no longer than the stack allows, and watches from then on", async () => {
		const below = await deploy("production", { "cutover:sync": true });
		assert.ok(!below.some(({ name }) => name.startsWith("watch")));
		const above = await deploy("production", {
			...{ "cutover:sync": true, "cutover:freeze": true },
			"cutover:maxFreeze": 120,
		});
		assert.match(
			String(find(above, "migration-freeze").inputs.create),
			/ freeze --max-freeze 120 --cancel-writers --drain /,
		);
		const watch = find(above, "watch-service");
		assert.ok(watch.dependsOn.includes("migration-freeze"));
	});

	it("validates large tables' keys behind the switch, which does not wait for it", async () => {
		const resources = await deploy("production", allFlags);
		const validate = find(resources, "migration-validate");
		assert.match(String(validate.inputs.create), / sync --validate /);
		assert.equal(validate.inputs.delete, undefined);
		const before = dependenciesOf(resources, validate);
		for (const name of ["migration-freeze", "records-site", "ttn-webhooks"])
			assert.ok(before.has(name), `validate does not wait for ${name}`);
	});

	it("takes off again what it puts on the source", async () => {
		const resources = await deploy("production", allFlags);
		const undo = (name: string) =>
			String(find(resources, name).inputs.delete ?? "");
		assert.match(undo("migration-sync"), / sync --remove /);
		assert.match(undo("migration-freeze"), / unfreeze /);
		// In a destroy the barrier goes first: the journal is below it.
		assert.ok(
			dependenciesOf(resources, find(resources, "migration-freeze")).has(
				"migration-sync",
			),
		);
	});

	it("notes webhooks and closes sign-ups before the barrier, the data API with the switch, and undoes both after it", async () => {
		const supabase = {
			"cutover:supabase": { projectRef: "abcdefghijklmnopqrst" },
		};
		const below = await deploy("production", {
			...supabase,
			"cutover:sync": true,
			"cutover:freeze": true,
		});
		const noted = ["ttn-noted", "source-noted"];
		const before = dependenciesOf(below, find(below, "migration-freeze"));
		for (const name of [...noted, "source-sign-ups"])
			assert.ok(before.has(name), `the barrier does not wait for ${name}`);
		assert.ok(!below.some(({ name }) => name === "source-data-api"));

		const above = await deploy("production", { ...allFlags, ...supabase });
		const dataApi = dependenciesOf(above, find(above, "source-data-api"));
		for (const name of ["ttn-webhooks", "migration-freeze", ...noted])
			assert.ok(dataApi.has(name), `the data API does not wait for ${name}`);
		const rollback = dependenciesOf(above, find(above, "rollback"));
		assert.ok(rollback.has("source-data-api"));
		// What is given back to the old system needs its services.
		for (const name of ["source-sign-ups", "source-data-api"])
			assert.ok(dependenciesOf(above, find(above, name)).has("ttn-noted"));
		assert.doesNotMatch(golden(above), /PLAIN-/);
	});

	it("brings rows through the stack's mapping, or as they are where it names none", async () => {
		const run = async (mapping: string | undefined, accepted?: string[]) => {
			const resources = await deploy("production", {
				...allFlags,
				"migration:mapping": mapping,
				"migration:acceptRejects": accepted,
			});
			return ["probe", "sync", "freeze"].map((step) =>
				String(find(resources, `migration-${step}`).inputs.create),
			);
		};
		for (const line of await run("product-2"))
			assert.match(line, / --mapping product-2 /);
		for (const line of await run(undefined))
			assert.doesNotMatch(line, /--mapping/);
		for (const line of await run("product", ["t: it's null", "u:x"]))
			assert.match(
				line,
				/ --accept-rejects 't: it'\\''s null' --accept-rejects u:x /,
			);
	});

	it("carries no password hashes where the stack says so", async () => {
		const run = async (carry: boolean) => {
			const resources = await deploy("production", {
				"cutover:sync": true,
				"cutover:freeze": true,
				"users:carryHashes": carry,
			});
			return ["users", "freeze"].map((step) =>
				String(find(resources, `migration-${step}`).inputs.create),
			);
		};
		for (const line of await run(false))
			assert.match(line, / --reset-passwords /);
		for (const line of await run(true))
			assert.doesNotMatch(line, /--reset-passwords/);
	});

	it("switches the names only after proof of equality and health", async () => {
		const resources = await deploy("production", {
			...allFlags,
			"cutover:finalize": false,
		});
		const record = find(resources, "records-site");
		assert.equal(record.inputs.value, "203.0.113.200");
		const needed = dependenciesOf(resources, record);
		for (const name of [
			...["migration-freeze", "validation-deploy", "validation-health"],
			...["backend-service", "certificates-seed", "server-address"],
			"switch",
		]) {
			assert.ok(needed.has(name), `records do not wait for ${name}`);
		}
	});

	it("has the switch at every rung, before the records both ways, and turns it by the flags alone", async () => {
		const rungs: [Record<string, unknown>, string][] = [
			[{}, "off"],
			[{ "cutover:sync": true, "cutover:freeze": true }, "off"],
			[{ ...allFlags, "cutover:finalize": false }, "on"],
			[allFlags, "final"],
		];
		for (const [changes, rung] of rungs) {
			const resources = await deploy("production", {
				...changes,
				"cutover:images": { cutover: "example/cutover:2.0.0" },
			});
			const turn = find(resources, "switch-turn");
			assert.deepEqual(turn.inputs.keepers, { rung });
			const { inputs } = find(resources, "switch");
			assert.equal(inputs.update, undefined, "an update would skip a switch");
			assert.equal(inputs.delete, undefined, "a destroy returns by rollback");
			const given = JSON.parse(
				(inputs.stdin as { value: string }).value,
			) as Record<string, unknown>;
			assert.equal(given.rung, rung);
			assert.equal(given.turn, "hex-of-switch-turn");
			for (const name of ["records-site", "records-api"])
				assert.ok(find(resources, name).dependsOn.includes("switch"));
		}
	});

	it("waits for all resolvers behind the records, and nobody but the news of it and the way back wait for it", async () => {
		const resources = await deploy("production", allFlags);
		const settled = find(resources, "settled");
		assert.ok(settled.dependsOn.includes("records-site"));
		const given = JSON.parse(settled.inputs.stdin as string);
		assert.equal(given.address, "203.0.113.200");
		assert.equal(given.ttl, 3_600);
		const behind = resources
			.filter(({ dependsOn }) => dependsOn.includes("settled"))
			.map(({ name }) => name);
		assert.deepEqual(behind, ["announce-switch", "rollback"]);
	});

	it("announces beside the ladder: its steps, switch and names wait for no announcement", async () => {
		const below = await deploy("production");
		assert.ok(!below.some(({ name }) => name.startsWith("announce-")));
		const resources = await deploy("production", allFlags);
		const waiting = (name: string) =>
			dependenciesOf(resources, find(resources, name));
		for (const step of [
			...["migration-freeze", "switch", "records-site", "settled"],
			...["ttn-webhooks", "backend-service", "caddy-service"],
		])
			for (const name of waiting(step))
				assert.doesNotMatch(name, /^(announce-|status-page|uptime-s|uptime-a)/);
		const [freeze, switched, final] = [
			...["announce-freeze", "announce-switch", "announce-switch-final"],
		].map((name) => find(resources, name));
		assert.match(String(freeze?.inputs.create), / begin$/);
		// A switch that is taken back tells of that alone.
		assert.equal(freeze?.inputs.delete, undefined);
		const frozen = await deploy("production", {
			...allFlags,
			...{ "cutover:dnsSwitch": false, "cutover:finalize": false },
		});
		const { inputs } = find(frozen, "announce-freeze") ?? {};
		assert.match(String(inputs?.delete), / put-off$/);
		assert.match(String(switched?.inputs.create), / complete$/);
		assert.match(String(switched?.inputs.delete), / returned$/);
		assert.equal(final?.inputs.delete, undefined);
		for (const name of ["announce-freeze", "settled", "ttn-webhooks"])
			assert.ok(switched?.dependsOn.includes(name));
		for (const name of ["validation-health", "uptime-kuma-service"])
			assert.ok(waiting("announce-freeze").has(name));
		// What it would tell in a destroy goes with the machine.
		for (const one of [freeze, switched, final])
			assert.ok(one?.deletedWith, one?.name);
	});

	it("asks from outside what the names lead to: the old system has the site alone", async () => {
		const enabled = async (changes: Record<string, unknown>) =>
			(await deploy("production", changes))
				.filter(({ type }) => type.endsWith(":UptimeCheck"))
				.map(({ name, inputs }) => [name, inputs.enabled]);
		assert.deepEqual(await enabled({}), [
			...[
				["uptime-site", true],
				["uptime-api", false],
			],
			["uptime-status", false],
		]);
		const above = { ...allFlags, "cutover:finalize": false };
		for (const [, on] of await enabled(above)) assert.equal(on, true);
		const resources = await deploy("production", above);
		const check = find(resources, "uptime-api");
		assert.ok(dependenciesOf(resources, check).has("records-api"));
		const alerts = resources.filter(({ type }) =>
			type.endsWith(":UptimeAlert"),
		);
		assert.equal(alerts.length, 9);
		const silent = await deploy("production", {
			"cutover:alerts": undefined,
		});
		assert.ok(!silent.some(({ type }) => type.endsWith(":UptimeAlert")));
	});

	it("destroys nothing before the way back has run", async () => {
		const resources = await deploy("production", allFlags);
		const rollback = find(resources, "rollback");
		const needed = dependenciesOf(resources, rollback);
		for (const { name, custom, type } of resources) {
			if (!custom || name === "rollback" || type.startsWith("pulumi:"))
				continue;
			assert.ok(needed.has(name), `${name} would go while rollback runs`);
		}
	});

	it("joins workers and spreads over them", async () => {
		const resources = await deploy("production", { "cutover:droplets": 3 });
		const named = (pattern: RegExp) =>
			resources.map(({ name }) => name).filter((name) => pattern.test(name));
		assert.equal(named(/^server-droplet-/).length, 3);
		assert.deepEqual(named(/^server-node-/), [
			"server-node-2",
			"server-node-3",
		]);
		const backend = dependenciesOf(
			resources,
			find(resources, "backend-service"),
		);
		assert.ok(backend.has("server-node-3"));
	});

	it("measures every machine, and waits for all of those tasks", async () => {
		const resources = await deploy("production", { "cutover:droplets": 3 });
		const everywhere = resources.filter(
			({ type, inputs }) =>
				type === "docker:index/service:Service" &&
				(inputs.mode as { global?: boolean }).global,
		);
		const names = everywhere.map(({ inputs }) => inputs.name as string);
		assert.ok(names.includes("node-exporter") && names.includes("cadvisor"));
		const { stdin } = find(resources, "validation-deploy").inputs;
		for (const name of names)
			assert.match(String(stdin), new RegExp(`^(services=')?${name} 3 `, "m"));
	});

	it("lets the collector read the engine's files on every machine, and do nothing else", async () => {
		const resources = await deploy("production", { "cutover:droplets": 3 });
		const { inputs } = find(resources, "otel-collector-service");
		const { mode, taskSpec } = inputs as {
			mode: object;
			taskSpec: {
				containerSpec: {
					readOnly: boolean;
					capDrops: string[];
					mounts: { type: string; target: string; readOnly?: boolean }[];
				};
			};
		};
		assert.deepEqual(mode, { global: true });
		const { readOnly, capDrops, mounts } = taskSpec.containerSpec;
		assert.deepEqual(
			{ readOnly, capDrops },
			{ readOnly: true, capDrops: ["ALL"] },
		);
		const writable = mounts.filter((mount) => !mount.readOnly);
		assert.deepEqual(
			writable.map(({ type, target }) => `${type} ${target}`),
			["volume /var/lib/otelcol"],
		);
	});

	it("adopts a zone and records that are there and in no state", async () => {
		const records = { "@": 11, api: 12, monitoring: 13, status: 14 };
		const resources = await deploy("production", {}, { records });
		assert.equal(find(resources, "zone-domain").import, "freshtrackpro.com");
		assert.equal(find(resources, "records-api").import, "freshtrackpro.com,12");
	});

	it("does not adopt what it manages already", async () => {
		const domain = "freshtrackpro.com";
		const records = { "@": 11, api: 12 };
		const state = {
			zone: {
				type: "digitalocean:index/domain:Domain",
				outputs: { name: domain },
			},
			record: {
				type: "digitalocean:index/dnsRecord:DnsRecord",
				outputs: { domain, name: "@" },
			},
		};
		const resources = await deploy("production", {}, { records, state });
		assert.equal(find(resources, "zone-domain").import, undefined);
		assert.equal(find(resources, "records-site").import, undefined);
		assert.equal(find(resources, "records-api").import, `${domain},12`);
	});

	it("says in one message what to do when the API refuses the token, and registers nothing", async () => {
		const given = mocks();
		const registered: string[] = [];
		await assert.rejects(
			runProgram({
				stack: "staging",
				...stackConfig("staging"),
				mocks: {
					newResource(args) {
						registered.push(args.type);
						return given.newResource(args);
					},
					call(args) {
						if (args.token.endsWith("getDomains")) throw new Error("401");
						return given.call(args);
					},
				},
			}),
			(error: Error) =>
				"__pulumiRunError" in error && /DIGITALOCEAN_TOKEN/.test(error.message),
		);
		assert.deepEqual(registered, ["pulumi:pulumi:Stack"]);
	});

	it("registers nothing when the configuration is refused", async () => {
		const registered: string[] = [];
		const given = mocks();
		await assert.rejects(
			runProgram({
				stack: "staging",
				...stackConfig("staging", { "cutover:dnsSwitch": true }),
				mocks: {
					...given,
					newResource(args) {
						registered.push(args.type);
						return given.newResource(args);
					},
				},
			}),
			/cutover:dnsSwitch: expected cutover:freeze to be true/,
		);
		assert.deepEqual(registered, ["pulumi:pulumi:Stack"]);
	});
});

function find(resources: Registered[], name: string): Registered {
	const found = resources.find(
		(resource) => resource.custom && resource.name === name,
	);
	assert.ok(found, `no resource ${name}`);
	return found;
}

/** Names of everything that has to exist before `resource`. */
function dependenciesOf(
	resources: Registered[],
	resource: Registered,
): Set<string> {
	const seen = new Set<string>();
	const visit = ({ dependsOn, provider }: Registered) => {
		for (const name of provider ? [...dependsOn, provider] : dependsOn) {
			if (seen.has(name)) continue;
			seen.add(name);
			visit(find(resources, name));
		}
	};
	visit(resource);
	return seen;
}
