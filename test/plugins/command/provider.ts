import { version } from "@pulumi/command/package.json";
import type { Provider } from "../base/provider";
import type { PackageSpec } from "../base/schema";
import schema from "../schema/command.json";
import { copyToRemote } from "./copy";
import { localCommand, localRun } from "./local";
import { remoteCommand } from "./remote";

/** Stand-in for pulumi-command. */
export const provider: Provider = {
	name: "command",
	version,
	spec: schema as unknown as PackageSpec,
	resources: {
		"command:local:Command": localCommand,
		"command:remote:Command": remoteCommand,
		"command:remote:CopyToRemote": copyToRemote,
	},
	functions: { "command:local:run": localRun },
};
