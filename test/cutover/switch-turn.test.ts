import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Project } from "../plugins/support/project";

const infra = join(__dirname, "../../infra/commands/switch");

/** Its command notes each run; what a file says then happens to it. */
const program = (folder: string) => `
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { drawTurn } from ${JSON.stringify(infra)};
const rung = new pulumi.Config().get("rung") ?? "off";
const turn = drawTurn("switch-turn", rung);
new command.local.Command("switch", {
	create: "cd ${folder}; cat >>runs; echo >>runs; . ./fate",
	stdin: pulumi.jsonStringify({ rung, turn }),
});
`;

/** With the real CLI, as it is the engine's view of a change that is tested. */
describe("the switch's turn", function () {
	this.timeout(120_000);
	let folder: string;
	let project: Project;
	before(async () => {
		folder = await mkdtemp(join(tmpdir(), "turn-"));
		project = await Project.create(program(folder));
		await fate("true");
	});
	after(async () => {
		await project.close();
		await rm(folder, { recursive: true });
	});

	const fate = (script: string) => writeFile(join(folder, "fate"), script);
	const set = (rung: string) => project.mustRun("config", "set", "rung", rung);
	const rungs = async () =>
		(await readFile(join(folder, "runs"), "utf8"))
			.trim()
			.split("\n")
			.map((line) => (JSON.parse(line) as { rung: string }).rung);

	it("runs the command once for each flag's turn", async () => {
		await project.up();
		await set("on");
		await project.up();
		await project.up("--expect-no-changes");
		await set("off");
		await project.up();
		assert.deepEqual(await rungs(), ["off", "on", "off"]);
	});

	it("runs it for a flag set back after a failure, which to the engine changed nothing", async () => {
		await set("on");
		await fate("exit 4");
		assert.notEqual(
			(await project.run("up", "--yes", "--skip-preview")).code,
			0,
		);
		await fate("true");
		await set("off");
		await project.up();
		assert.deepEqual((await rungs()).slice(3), ["on", "off"]);
	});

	it("runs it for a flag set back after kill -9 of pulumi up", async () => {
		await set("on");
		// The command's parent is the plugin, and that one's the engine.
		await fate("kill -9 $(ps -o ppid= -p $PPID)");
		await assert.rejects(
			project.run("up", "--yes", "--skip-preview"),
			(error: { signal?: string }) => error.signal === "SIGKILL",
		);
		await fate("true");
		await set("off");
		await project.mustRun("cancel", "--yes");
		await project.up();
		assert.deepEqual((await rungs()).slice(5), ["on", "off"]);
		await project.up("--expect-no-changes");
	});
});
