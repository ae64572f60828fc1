import * as grpc from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";

/** The engine that started a plugin, as its terminal. */
export class Engine {
	private readonly client: EngineClient | undefined;
	private last: Promise<void> = Promise.resolve();

	/** @param address host:port of the engine; without it messages are dropped */
	constructor(address: string | undefined) {
		this.client = address
			? new EngineClient(address, grpc.credentials.createInsecure())
			: undefined;
	}

	/** Shows `message` at the resource until the next one replaces it. */
	status(urn: string, message: string): void {
		this.send(urn, LogSeverity.INFO, message, true);
	}

	/** Shows `message` at the resource and keeps it as a warning. */
	warn(urn: string, message: string): void {
		this.send(urn, LogSeverity.WARNING, message, false);
	}

	private send(
		urn: string,
		severity: LogSeverity,
		message: string,
		ephemeral: boolean,
	): void {
		const request = new LogRequest()
			.setUrn(urn)
			.setSeverity(severity)
			.setMessage(message)
			.setEphemeral(ephemeral);
		// One after the other, so that lines arrive in order. A lost message must
		// not fail the operation that it tells of.
		const { client } = this;
		if (client) {
			this.last = this.last.then(
				() => new Promise((resolve) => client.log(request, () => resolve())),
			);
		}
	}

	/** Resolves when all that was said so far has arrived. */
	flushed(): Promise<void> {
		return this.last;
	}
}
