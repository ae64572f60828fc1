import { call } from "./api.mjs";
import { busy, element, say } from "./page.mjs";

const form = element("reset");
const code = new URLSearchParams(location.search).get("code");
// The code is worth a password: it must not stay in the history.
history.replaceState(null, "", location.pathname);

if (!code) {
	say("message", "Open this page by the link in your e-mail.");
	form.querySelector("button").disabled = true;
}

form.addEventListener("submit", (event) => {
	event.preventDefault();
	say("message");
	const password = new FormData(form).get("password");
	busy(form, async () => {
		try {
			await call("/api/auth/reset-password", { code, password });
			location.assign("/");
		} catch (error) {
			say("message", error.message);
		}
	});
});
