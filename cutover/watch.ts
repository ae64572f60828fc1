import { parseArgs } from "node:util";
import { Site } from "./checks/site";
import { UserError } from "./errors";
import { main } from "./main";
import { readStack } from "./stack";
import { simpleName } from "./stack-name";
import { liveTable, plainLine } from "./watch/lines";
import { type Look, look } from "./watch/look";
import { watch } from "./watch/run";
import { switchedAt } from "./watch/switched";
import { returnCommands, type Verdict } from "./watch/verdict";

const usage = "npm run watch -- -s STACK [--once | --for 2h] [--json]";

/**
 * `npm run watch`: looks at the new system every 15 seconds, beside what it was before
 * the switch and what calls for a return, and says go, wait or roll back. It changes
 * nothing. Exit codes by the last look: 0 go, 4 roll back, 5 wait; 1 cannot watch, 2
 * bad input.
 */
main(async () => {
	const { stack, once, json, forMs } = parse();
	const { outputs, config } = await readStack(stack);
	const name = simpleName(stack);
	const { dnsSwitch, finalize } = outputs.flags;
	const moved = await switchedAt(name, dnsSwitch);
	const site = new Site(name, outputs, config);
	const end = new AbortController();
	for (const signal of ["SIGINT", "SIGTERM"] as const)
		process.once(signal, () => end.abort());
	const live = process.stdout.isTTY === true && !json && !once;
	const colours = process.stdout.isTTY === true && !process.env.NO_COLOR;
	const commands = returnCommands(stack, finalize);
	process.exitCode = await watch({
		look: () => look(site, moved),
		show: (seen, said) =>
			print(
				json
					? JSON.stringify({ stack: name, ...said, ...advice(said), ...seen })
					: words(seen, said),
				live,
			),
		signal: end.signal,
		forMs: once ? 0 : forMs,
	});

	function words(seen: Look, said: Verdict): string {
		const shown =
			process.stdout.isTTY === true
				? liveTable(name, seen, said, colours)
				: plainLine(seen, said);
		const { commands = [] } = advice(said);
		return [shown, ...commands.map((command) => `  ${command}`)].join("\n");
	}

	function advice({ decision }: Verdict): { commands?: string[] } {
		return decision === "roll back" ? { commands } : {};
	}
});

/** On a terminal each look takes the place of the one before. */
function print(text: string, live: boolean): void {
	process.stdout.write(live ? `\x1b[H\x1b[2J${text}\n` : `${text}\n`);
}

function parse() {
	const { values } = options();
	const { stack, once = false, json = false } = values;
	if (!stack)
		throw new UserError({
			expected: "the stack to watch",
			found: "no -s",
			fix: usage,
		});
	return { stack, once, json, forMs: duration(values.for) };
}

function options() {
	try {
		return parseArgs({
			options: {
				stack: { type: "string", short: "s" },
				once: { type: "boolean" },
				json: { type: "boolean" },
				for: { type: "string" },
			},
		});
	} catch (error) {
		throw new UserError({
			expected: "options of this command",
			found: (error as Error).message,
			fix: usage,
		});
	}
}

const units = { s: 1_000, m: 60_000, h: 3_600_000 } as const;

function duration(text: string | undefined): number | undefined {
	if (text === undefined) return undefined;
	const [, amount, unit] = /^([1-9]\d{0,4})(s|m|h)$/.exec(text) ?? [];
	if (amount && unit) return Number(amount) * units[unit as keyof typeof units];
	throw new UserError({
		expected: "--for a time, for instance 90s, 30m or 2h",
		found: text,
		fix: usage,
	});
}
