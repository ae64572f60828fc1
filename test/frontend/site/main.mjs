import { ApiError, call, session } from "./api.mjs";
import { showDashboard } from "./dashboard.mjs";
import { busy, element, say } from "./page.mjs";

const login = element("login");
const form = login.querySelector("form");

function showLogin() {
	element("dashboard").hidden = true;
	element("account").hidden = true;
	login.hidden = false;
}

/** Shows the page of whoever is logged in, or the log-in form. */
async function show() {
	say("failure");
	if (!session.token) {
		showLogin();
		return;
	}
	try {
		await showDashboard(fail);
		login.hidden = true;
	} catch (error) {
		fail(error);
	}
}

/** A session that has ended leads back to the log-in; everything else is said. */
function fail(error) {
	if (!(error instanceof ApiError)) {
		throw error;
	}
	if (error.status === 401) {
		session.end();
		showLogin();
		say(
			"login-message",
			"Your session has ended. Please log in again.",
			"info",
		);
		return;
	}
	say("failure", error.message);
}

form.addEventListener("submit", (event) => {
	event.preventDefault();
	say("login-message");
	const { email, password } = Object.fromEntries(new FormData(form));
	busy(form, async () => {
		try {
			const { accessToken } = await call("/api/auth/login", {
				email,
				password,
			});
			session.begin(accessToken);
		} catch (error) {
			// A user whose password could not be moved along has got a mail instead.
			const kind = error.code === "PASSWORD_RESET_REQUIRED" ? "info" : "error";
			say("login-message", error.message, kind);
			return;
		}
		form.reset();
		await show();
	});
});

element("log-out").addEventListener("click", () => {
	session.end();
	showLogin();
});

show();
