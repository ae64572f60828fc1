const TOKEN = "access-token";

/** Where the API is; the server writes it into every page. */
export const apiUrl = document.querySelector("meta[name=api-url]").content;

/** The API's refusal: its status, its code and a sentence for the user. */
export class ApiError extends Error {
	/**
	 * @param {number} status 0 when the API did not answer at all
	 * @param {string} code
	 * @param {string} message
	 */
	constructor(status, code, message) {
		super(message);
		this.status = status;
		this.code = code;
	}
}

/** The tab's log-in; closing the tab ends it. */
export const session = {
	get token() {
		return sessionStorage.getItem(TOKEN);
	},
	begin(token) {
		sessionStorage.setItem(TOKEN, token);
	},
	end() {
		sessionStorage.removeItem(TOKEN);
	},
};

/**
 * Asks the API; posts `body` if there is one.
 * @throws {ApiError}
 */
export async function call(path, body) {
	const headers = {};
	if (session.token) {
		headers.authorization = `Bearer ${session.token}`;
	}
	if (body !== undefined) {
		headers["content-type"] = "application/json";
	}
	let response;
	let answer;
	try {
		response = await fetch(new URL(path, apiUrl), {
			method: body === undefined ? "GET" : "POST",
			headers,
			body: body === undefined ? undefined : JSON.stringify(body),
		});
		answer = await response.json();
	} catch {
		throw new ApiError(
			0,
			"UNREACHABLE",
			"The server does not answer. Please try again.",
		);
	}
	if (!response.ok) {
		throw new ApiError(response.status, answer.code, answer.message);
	}
	return answer;
}
