import * as pulumi from "@pulumi/pulumi";

/**
 * A mistake of the user, which Pulumi prints without a stack trace. It carries
 * none either: the SDK renders the whole of an uncaught error before it picks
 * the message, and with a loader's source maps in the trace that took 20 s.
 */
export function mistake(message: string): pulumi.RunError {
	const error = new pulumi.RunError(message);
	error.stack = message;
	return error;
}
