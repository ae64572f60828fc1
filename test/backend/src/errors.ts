import type { FastifyInstance } from "fastify";
import { z } from "zod";

/** An answer other than success, meant for the caller: status, stable code, sentence. */
export class ApiError extends Error {
	override readonly name = "ApiError";

	constructor(
		readonly status: number,
		readonly code: string,
		message: string,
	) {
		super(message);
	}
}

/**
 * Takes input of a caller as what it should be.
 * @throws ApiError 400 that names each wrong field
 */
export function checked<Schema extends z.ZodType>(
	schema: Schema,
	input: unknown,
): z.output<Schema> {
	const result = schema.safeParse(input);
	if (!result.success) {
		throw new ApiError(400, "INVALID_REQUEST", z.prettifyError(result.error));
	}
	return result.data;
}

/** Gives every error the form {code, message}; what is not the caller's is logged and stays inside. */
export function answerErrors(app: FastifyInstance): void {
	app.setErrorHandler((error, request, reply) => {
		if (error instanceof ApiError) {
			if (error.status >= 500) {
				request.log.error({ err: error }, error.message);
			}
			return reply
				.code(error.status)
				.send({ code: error.code, message: error.message });
		}
		const status = statusOf(error);
		if (status < 500) {
			// Fastify's own refusals: body too large, not JSON, unknown media type.
			return reply
				.code(status)
				.send({ code: "INVALID_REQUEST", message: String(error) });
		}
		request.log.error({ err: error }, "request failed");
		return reply
			.code(500)
			.send({ code: "INTERNAL", message: "The request failed on our side." });
	});
	app.setNotFoundHandler((request, reply) =>
		reply.code(404).send({
			code: "NOT_FOUND",
			message: `There is no ${request.method} ${request.url.split("?")[0]}.`,
		}),
	);
}

function statusOf(error: unknown): number {
	const status = (error as { statusCode?: unknown } | null)?.statusCode;
	return typeof status === "number" && status >= 400 ? status : 500;
}
