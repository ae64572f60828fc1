import assert from "node:assert/strict";
import { Project } from "./support/project";

const program = `
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
const config = new pulumi.Config();
const password = new random.RandomPassword("password", { length: 24 });
const hidden = new command.local.Command("hidden", {
	create: "cat; echo; echo $NAME", stdin: password.result,
	environment: { NAME: "second line" }, logging: "none",
}, { additionalSecretOutputs: ["stdout"] });
const follow = new command.local.Command("follow", {
	create: \`echo made \${config.get("word") ?? "one"}\`,
	update: 'echo "was $PULUMI_COMMAND_STDOUT"',
	delete: "echo undone",
	triggers: [config.get("trigger") ?? "a"],
});
export const secret = password.result;
export const hiddenOut = hidden.stdout;
export const followOut = follow.stdout;
console.log("the program ran in", pulumi.getProject());
`;

describe("language host, random and command with the real CLI", function () {
	this.timeout(300_000);
	let project: Project;
	before(async () => {
		project = await Project.create(program);
	});
	after(() => project.close());

	it("previews what is not there yet", async () => {
		const output = await project.mustRun("preview");
		assert.match(output, /the program ran in trial/);
		assert.match(output, /4 to create/);
	});

	it("creates, and then finds nothing to change", async () => {
		await project.up();
		const { secret, hiddenOut, followOut } = await project.outputs();
		assert.equal(String(secret).length, 24);
		assert.equal(hiddenOut, `${secret}\nsecond line`);
		assert.equal(followOut, "made one");
		await project.up("--expect-no-changes");
		await project.mustRun("refresh", "--yes", "--expect-no-changes");
	});

	it("keeps secrets out of the stored state", async () => {
		const { secret } = await project.outputs();
		const { text } = await project.exported();
		assert.equal(text.includes(String(secret)), false);
	});

	it("runs update with the last output, and replaces on triggers", async () => {
		await project.mustRun("config", "set", "word", "two");
		await project.up();
		assert.equal((await project.outputs()).followOut, "was made one");
		await project.mustRun("config", "set", "trigger", "b");
		const output = await project.up();
		assert.match(output, /1 replaced/);
		assert.equal((await project.outputs()).followOut, "made two");
	});

	it("reports a failing command with its status and output", async () => {
		project.program(
			`import * as command from "@pulumi/command";
			new command.local.Command("broken", { create: "echo so it goes; exit 3" });`,
		);
		const { code, output } = await project.run("up", "--yes", "--skip-preview");
		assert.notEqual(code, 0);
		assert.match(output, /exit status 3: running "echo so it goes; exit 3":/);
	});

	it("refuses an input that the official schema does not know", async () => {
		project.program(
			// Through the base class, for the SDK drops what it does not know.
			`import * as pulumi from "@pulumi/pulumi";
			class Raw extends pulumi.CustomResource {}
			new Raw("random:index/randomPassword:RandomPassword", "p", { length: 8, lenght: 9 });`,
		);
		const { code, output } = await project.run("preview");
		assert.notEqual(code, 0);
		assert.match(output, /Check 'lenght' for typos/);
	});

	it("passes the exit of a program that throws", async () => {
		project.program(`throw new Error("not today");`);
		const { code, output } = await project.run("preview");
		assert.notEqual(code, 0);
		assert.match(output, /not today/);
	});
});
