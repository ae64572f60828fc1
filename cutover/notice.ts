import { parseArgs } from "node:util";
import { UserError } from "./errors";
import { main } from "./main";
import { noticeKinds, sendNotice } from "./notices";
import { readStack } from "./stack";
import { simpleName } from "./stack-name";

/** `npm run notice -- before|start|complete -s STACK`: tells the users. */
main(async () => {
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: { stack: { type: "string", short: "s" } },
	});
	const kind = noticeKinds.find((known) => known === positionals[0]);
	if (!kind || !values.stack)
		throw new UserError({
			expected: `one of ${noticeKinds.join(", ")}, and a stack`,
			found: positionals.join(" ") || "no notice",
			fix: "npm run notice -- before -s production",
		});
	const { outputs, config } = await readStack(values.stack);
	const { from, to } = JSON.parse(config.notices ?? "{}") as {
		from?: string;
		to?: string[];
	};
	if (!from || !to || !config.smtpUrl)
		throw new UserError({
			expected: "cutover:notices and cutover:smtpUrl in the configuration",
			found: "not both",
			fix: `pulumi config set --secret cutover:smtpUrl -s ${values.stack}, and cutover:notices in its file`,
		});
	const { smtpUrl } = config;
	const settings = { smtpUrl, from, to, domain: outputs.domain };
	const { messageId } = await sendNotice(
		simpleName(values.stack),
		kind,
		settings,
	);
	process.stdout.write(`${messageId} to ${to.join(", ")}\n`);
});
