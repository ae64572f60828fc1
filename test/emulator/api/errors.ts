/**
 * An answer that is not a success, in DigitalOcean's form {id, message}.
 * https://docs.digitalocean.com/reference/api/reference/responses/
 */
export class ApiError extends Error {
	readonly status: number;
	readonly id: string;

	constructor(status: number, id: string, message: string) {
		super(message);
		this.status = status;
		this.id = id;
	}
}

export const badRequest = (message: string) =>
	new ApiError(400, "bad_request", message);

export const unauthorized = () =>
	new ApiError(401, "Unauthorized", "Unable to authenticate you");

export const forbidden = (message: string) =>
	new ApiError(403, "forbidden", message);

export const notFound = () =>
	new ApiError(
		404,
		"not_found",
		"The resource you were accessing could not be found.",
	);

export const conflict = (message: string) =>
	new ApiError(409, "conflict", message);

export const preconditionFailed = (message: string) =>
	new ApiError(412, "precondition_failed", message);

export const unprocessable = (message: string) =>
	new ApiError(422, "unprocessable_entity", message);

export const tooManyRequests = () =>
	new ApiError(429, "too_many_requests", "API Rate limit exceeded.");

export const serverError = (message: string) =>
	new ApiError(500, "server_error", message);

/** The error that DigitalOcean gives for a status when a fault test asks for it. */
export function errorForStatus(status: number): ApiError {
	switch (status) {
		case 401:
			return unauthorized();
		case 404:
			return notFound();
		case 429:
			return tooManyRequests();
		case 503:
			return new ApiError(503, "service_unavailable", "Service unavailable.");
		default:
			return status >= 500
				? new ApiError(status, "server_error", "Unexpected server-side error")
				: new ApiError(status, "error", "Fault asked for by a test.");
	}
}
