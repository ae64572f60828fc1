import * as grpc from "@grpc/grpc-js";

/** As the official SDKs: states with large assets exceed gRPC's 4 MiB. */
const MAX_MESSAGE = 400 * 1024 * 1024;

/** How often a plugin looks whether the engine that started it is still there. */
const ORPHAN_CHECK_MS = 1_000;

type Handler<Req, Res> = (
	request: Req,
	call: grpc.ServerUnaryCall<Req, Res>,
) => Promise<Res>;

/**
 * A gRPC handler from an async function. What it throws reaches the engine as
 * the message of the error, or as it is where it is a status already.
 */
export function unary<Req, Res>(
	handler: Handler<Req, Res>,
): grpc.handleUnaryCall<Req, Res> {
	return (call, callback) => {
		handler(call.request, call).then(
			(response) => callback(null, response),
			(error: unknown) => callback(toStatus(error)),
		);
	};
}

function toStatus(error: unknown): Partial<grpc.StatusObject> {
	if (
		typeof error === "object" &&
		error !== null &&
		"code" in error &&
		"details" in error
	) {
		return error as Partial<grpc.StatusObject>;
	}
	return {
		code: grpc.status.UNKNOWN,
		details: error instanceof Error ? error.message : String(error),
	};
}

/**
 * Serves on a free loopback port, prints it as the engine expects from a
 * plugin, and ends with the engine.
 */
export async function serve(
	register: (server: grpc.Server) => void,
): Promise<void> {
	const server = new grpc.Server({
		"grpc.max_receive_message_length": MAX_MESSAGE,
		"grpc.max_send_message_length": MAX_MESSAGE,
	});
	register(server);
	const port = await new Promise<number>((resolve, reject) => {
		server.bindAsync(
			"127.0.0.1:0",
			grpc.ServerCredentials.createInsecure(),
			(error, bound) => (error ? reject(error) : resolve(bound)),
		);
	});
	process.stdout.write(`${port}\n`);

	// An engine that was killed cannot stop its plugins: leave when the process
	// that started this one is gone.
	const parent = process.ppid;
	setInterval(() => {
		if (process.ppid !== parent) {
			process.exit(0);
		}
	}, ORPHAN_CHECK_MS).unref();
}

/** The engine's address, the first argument that is not a flag. */
export function engineAddress(): string | undefined {
	return process.argv.slice(2).find((argument) => !argument.startsWith("-"));
}
