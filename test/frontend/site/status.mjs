import { apiUrl } from "./api.mjs";
import { element, make } from "./page.mjs";

const EVERY_MS = 15_000;

const OVERALL = {
	healthy: "All systems work",
	degraded: "Working, with limits",
	unhealthy: "Not working",
};

/** Asks /health; an API that does not answer is as ill as one that says so. */
async function ask() {
	try {
		const response = await fetch(new URL("/health", apiUrl), {
			signal: AbortSignal.timeout(10_000),
		});
		const health = await response.json();
		return Object.hasOwn(OVERALL, health.status)
			? health
			: { status: "unhealthy", checks: {} };
	} catch {
		return { status: "unhealthy", checks: {} };
	}
}

function part(name, status, detail) {
	return make(
		"li",
		{},
		make("span", { class: `dot ${status}` }),
		make("span", { class: "part" }, name),
		make("span", { class: "hint" }, detail),
	);
}

async function show() {
	const { status, checks, version, environment } = await ask();
	element("dot").className = `dot ${status}`;
	element("overall").textContent = OVERALL[status];
	element("parts").replaceChildren(
		part(
			"API",
			status,
			version ? `${environment}, version ${version}` : "no answer",
		),
		...Object.entries(checks).map(([name, check]) =>
			part(
				name.replaceAll("_", " "),
				check.status,
				check.latency_ms === undefined
					? check.status
					: `${check.status}, ${check.latency_ms} ms`,
			),
		),
	);
	element("checked").textContent =
		`Last asked at ${new Date().toLocaleTimeString()}, again every ${EVERY_MS / 1000} s.`;
	setTimeout(show, EVERY_MS);
}

show();
