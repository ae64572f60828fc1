import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { emptyDatabase } from "./databases";

const CLI = join(__dirname, "../../migration/cli.ts");

/** As the switch uses it: one process, commands as they are needed. */
describe("a session", function () {
	this.timeout(60_000);

	it("answers each command by its number, and ends with its input", async () => {
		const { url } = await emptyDatabase(15);
		const child = spawn(process.execPath, ["--import", "tsx", CLI, "session"], {
			stdio: ["pipe", "pipe", "ignore"],
		});
		const answers = createInterface({ input: child.stdout })[
			Symbol.asyncIterator
		]();
		const next = async () => JSON.parse((await answers.next()).value as string);
		const send = (id: number, ...args: string[]) =>
			child.stdin.write(
				`${JSON.stringify({ id, arguments: args, environment: { SOURCE_DATABASE_URL: url } })}\n`,
			);

		send(1, "freeze", "--state");
		assert.deepEqual(await next(), {
			...{ id: 1, exitCode: 0, message: "" },
			result: {
				...{ command: "freeze", frozen: false, frozenAt: null, until: null },
				...{ secondsLeft: null, lapsed: false, kept: false },
				...{ missing: [], writes: [] },
			},
		});

		// Neither stops the others: a mistake of the caller, a guard of the command.
		send(2, "freeze", "--no-such-option");
		send(3, "freeze", "--keep");
		const both = [await next(), await next()].sort((a, b) => a.id - b.id);
		assert.deepEqual(
			both.map(({ id, exitCode }) => [id, exitCode]),
			[
				[2, 2],
				[3, 4],
			],
		);
		assert.match(both[0].message, /no-such-option/);
		assert.match(both[1].message, /expected .*\n {3}found .*\n {3}to do /);

		send(4, "freeze", "--max-freeze", "60");
		child.stdin.end();
		// Begun before the end of the input, and ended before the process.
		assert.equal((await next()).exitCode, 0);
		const [exitCode] = await once(child, "close");
		assert.equal(exitCode, 0);
	});
});
