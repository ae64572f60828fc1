import assert from "node:assert/strict";
import { waitFor } from "../../cutover/wait";
import { NestedEngine } from "./support/nested-engine";
import { Project } from "./support/project";

const image = "debian:bookworm-slim";

const program = (engine: NestedEngine) => `
import * as docker from "@pulumi/docker";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
const config = new pulumi.Config();
// As in real programs the host is known only once something waited for it.
const ready = new command.local.Command("ready", { create: "true" });
const provider = new docker.Provider("engine", {
	host: ready.stdout.apply(() => ${JSON.stringify(engine.host)}),
	sshOpts: ${JSON.stringify(engine.sshOpts)},
});
const inside = { provider };
const network = new docker.Network("network", { driver: "overlay", attachable: true }, inside);
const secret = new docker.Secret("secret", {
	data: pulumi.secret(Buffer.from("hidden-in-secret" + (config.get("secret") ?? "")).toString("base64")),
}, inside);
const file = new docker.ServiceConfig("file", { dataRaw: "text" }, inside);
const change = { parallelism: 1, monitor: "2s", maxFailureRatio: "0", order: "start-first" };
const service = new docker.Service("service", {
	name: "web",
	taskSpec: {
		containerSpec: {
			image: "${image}", init: true, stopGracePeriod: "5s",
			commands: ["/bin/sh", "-c"],
			args: [config.get("script") ?? "cat /run/secrets/s /c; while :; do sleep 1; done"],
			secrets: [{ secretId: secret.id, secretName: secret.name, fileName: "s" }],
			configs: [{ configId: file.id, configName: file.name, fileName: "/c" }],
			healthcheck: { tests: ["CMD-SHELL", config.get("health") ?? "true"], interval: "1s", timeout: "5s", retries: 2 },
		},
		resources: { limits: { nanoCpus: 5e8, memoryBytes: 64 * 2 ** 20 } },
		networksAdvanceds: [{ id: network.id }],
	},
	mode: { replicated: { replicas: config.getNumber("replicas") ?? 1 } },
	updateConfig: { ...change, failureAction: "rollback" },
	rollbackConfig: { ...change, failureAction: "pause" },
	convergeConfig: { timeout: "60s" },
	endpointSpec: { mode: "dnsrr" },
}, inside);
export const id = service.id;
`;

/** The same service once on every machine, which it sees from its root on. */
const everywhere = (engine: NestedEngine) =>
	program(engine)
		.replace(/mode: \{ replicated.*/, "mode: { global: true },")
		.replace(/convergeConfig.*/, "")
		.replace(
			"healthcheck:",
			'mounts: [{ type: "bind", source: "/", target: "/machine", readOnly: true, bindOptions: { propagation: "rslave" } }],\n$&',
		);

describe("docker with the real CLI and an engine over ssh", function () {
	this.timeout(400_000);
	let engine: NestedEngine;
	let project: Project;
	before(async () => {
		engine = await NestedEngine.start(image);
		project = await Project.create(program(engine));
	});
	after(async () => {
		await project?.close();
		await engine?.close();
	});

	it("previews while the host is not known yet", async () => {
		assert.match(await project.mustRun("preview"), /7 to create/);
	});

	it("creates, and then finds nothing to change", async () => {
		await project.up();
		const running = await engine.docker(
			"service",
			"ls",
			"--format",
			"{{.Replicas}}",
		);
		assert.equal(running, "1/1");
		await project.up("--expect-no-changes");
		await project.mustRun("refresh", "--yes", "--expect-no-changes");
	});

	it("keeps secrets out of the stored state", async () => {
		const { text } = await project.exported();
		const encoded = Buffer.from("hidden-in-secret").toString("base64");
		assert.equal(text.includes(encoded.slice(0, 20)), false);
	});

	it("replaces a secret, and updates and scales the service in place", async () => {
		const before = (await project.outputs()).id;
		await project.mustRun("config", "set", "secret", "2");
		await project.mustRun("config", "set", "replicas", "2");
		assert.match(await project.up(), /1 updated/);
		assert.equal((await project.outputs()).id, before);
		// A replaced task may still be counted while it stops.
		await waitFor(
			"two tasks of two",
			async () => {
				const running = await engine.docker(
					...["service", "ls", "--format", "{{.Replicas}}"],
				);
				return running === "2/2" || undefined;
			},
			{ timeoutMs: 30_000 },
		);
	});

	it("says so when the Swarm rolls an update back", async () => {
		await project.mustRun("config", "set", "health", "false");
		const { code, output } = await project.run("up", "--yes", "--skip-preview");
		assert.notEqual(code, 0);
		assert.match(output, /service rollback completed/);
		await project.mustRun("config", "rm", "health");
		await project.up();
		await project.up("--expect-no-changes");
	});

	it("tells the errors of the last tasks, and leaves no half-made service", async () => {
		await project.mustRun("destroy", "--yes", "--skip-preview");
		await project.mustRun("config", "set", "script", "exit 3");
		project.program(
			program(engine).replace('timeout: "60s"', 'timeout: "10s"'),
		);
		const { code, output } = await project.run("up", "--yes", "--skip-preview");
		assert.notEqual(code, 0);
		assert.match(output, /did not converge after 10s/);
		assert.match(output, /non-zero exit \(3\)/);
		assert.equal(await engine.docker("service", "ls", "-q"), "");
	});

	it("runs a service on every machine, and then finds nothing to change", async () => {
		await project.mustRun("config", "rm", "script");
		project.program(everywhere(engine));
		await project.up();
		await waitFor(
			"one task of one",
			async () => {
				const running = await engine.docker(
					...["service", "ls", "--format", "{{.Mode}} {{.Replicas}}"],
				);
				return running === "global 1/1" || undefined;
			},
			{ timeoutMs: 30_000 },
		);
		await project.up("--expect-no-changes");
		await project.mustRun("refresh", "--yes", "--expect-no-changes");
	});

	it("does not talk to a host with another key", async () => {
		project.program(`
import * as docker from "@pulumi/docker";
const provider = new docker.Provider("stranger", {
	host: ${JSON.stringify(engine.host)},
	sshOpts: ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=/dev/null"],
});
new docker.Volume("volume", {}, { provider });
`);
		const { code, output } = await project.run("up", "--yes", "--skip-preview");
		assert.notEqual(code, 0);
		assert.match(output, /Host key verification failed/);
		project.program(program(engine));
	});
});
