import { parseArgs } from "node:util";
import { checkpoints } from "./checkpoints";
import { UserError } from "./errors";
import { main } from "./main";
import { signOff } from "./sign-off";
import { checkpointNames } from "./signatures";

const usage = "npm run checkpoint -- NAME -s STACK [--answers FILE]";

/**
 * `npm run checkpoint`. Exit codes: 0 signed, 2 bad input, 3 a check failed, 4 a
 * person said no, 1 anything else; only 0 leaves a signature.
 */
main(async () => {
	const { values, positionals } = parse();
	const [given, ...rest] = positionals;
	const name = checkpointNames.find((checkpoint) => checkpoint === given);
	if (!name || rest.length > 0 || !values.stack)
		throw new UserError({
			expected: `one of ${checkpointNames.join(", ")}, and a stack`,
			found: process.argv.slice(2).join(" ") || "neither",
			fix: usage,
		});
	const done = await signOff(
		name,
		values.stack,
		checkpoints[name],
		values.answers,
	);
	process.stdout.write(`${done}\n`);
});

function parse() {
	try {
		return parseArgs({
			allowPositionals: true,
			options: {
				stack: { type: "string", short: "s" },
				answers: { type: "string" },
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
