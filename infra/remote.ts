import type { types } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";

/** How a Droplet is reached; the host key is pinned, the private key is secret. */
export interface SshTarget {
	user: string;
	host: pulumi.Output<string>;
	hostKey: pulumi.Output<string>;
	privateKey: pulumi.Output<string>;
}

/** The connection of a remote command, patient with a machine that still boots. */
export function connection(
	target: SshTarget,
): types.input.remote.ConnectionArgs {
	return {
		user: target.user,
		host: target.host,
		hostKey: target.hostKey,
		privateKey: target.privateKey,
		perDialTimeout: 15,
		dialErrorLimit: 60,
	};
}

/**
 * Standard input as JSON. Secret as a whole: it is the only way by which
 * secrets reach a command, because its text and arguments can be seen.
 */
export function secretJson(value: unknown): pulumi.Output<string> {
	return pulumi.secret(pulumi.jsonStringify(value));
}

/**
 * Options of what lives in a machine: it goes with it, unasked, so that a dead
 * machine does not block a destroy, and comes anew with a new one.
 */
export function within(
	machine: pulumi.Resource,
): Pick<pulumi.CustomResourceOptions, "deletedWith" | "replaceWith"> {
	return { deletedWith: machine, replaceWith: [machine] };
}

/** A step that neither repeats nor changes anything when its inputs change. */
export const nothing = "true";

/**
 * The same for a local command whose output is used: without it an update
 * would leave the output empty. Needs addPreviousOutputInEnv.
 */
export const keepOutput = 'printf %s "$PULUMI_COMMAND_STDOUT"';
