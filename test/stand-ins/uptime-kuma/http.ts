import type { IncomingMessage, ServerResponse } from "node:http";
import { isUser, type Served } from "./handlers";
import { html, publicBeats, publicData, publicHistory } from "./page";
import type { Store } from "./store";

interface Answer {
	status: number;
	type: string;
	body: string;
	headers?: Record<string, string>;
}

/** How long visitors are shown the same: the official server's figures. */
const pageMs = 300_000;
const beatsMs = 60_000;

/** What visitors were shown, by path. */
export class Cache {
	readonly #kept = new Map<string, { until: number; answer: Answer }>();

	clear(): void {
		this.#kept.clear();
	}

	through(path: string, ms: number, make: () => Answer): Answer {
		const kept = this.#kept.get(path);
		if (kept && kept.until > Date.now()) return kept.answer;
		const answer = make();
		this.#kept.set(path, { until: Date.now() + ms, answer });
		return answer;
	}
}

const json = (body: unknown, status = 200): Answer => ({
	...{ status, type: "application/json; charset=utf-8" },
	body: JSON.stringify(body),
});
const page = (body: string, status = 200): Answer => ({
	...{ status, type: "text/html; charset=utf-8", body },
});
const missing = (what: string) => json({ status: "fail", msg: what }, 404);

/** What the dashboard's addresses show, of which there is none here. */
const noDashboard = page(
	"<!DOCTYPE html><title>Stand-in for Uptime Kuma</title><p>A stand-in for Uptime Kuma: it has a status page, but no dashboard.</p>",
);

/** Answers everything but socket.io. */
export function respond(
	served: Served,
	cache: Cache,
	request: IncomingMessage,
	response: ServerResponse,
): void {
	const answer = route(served, cache, request);
	response
		.writeHead(answer.status, {
			"content-type": answer.type,
			"x-frame-options": "SAMEORIGIN",
			...answer.headers,
		})
		.end(answer.body);
}

function route(
	{ store, runner }: Served,
	cache: Cache,
	request: IncomingMessage,
): Answer {
	const { pathname: path, searchParams: query } = new URL(
		`http://here${request.url}`,
	);
	const host = (request.headers.host ?? "").replace(/:\d+$/, "");
	const domain = store.state.pages.find(({ domainNameList }) =>
		domainNameList.includes(host),
	);
	const shown = (slug: string) => {
		const found = html(store, slug);
		return found ? page(found) : page("<title>Uptime Kuma</title>", 404);
	};
	if (path === "/")
		return domain
			? shown(domain.slug)
			: { ...page("", 302), headers: { location: "/dashboard" } };
	if (path === "/api/entry-page")
		return json(
			domain
				? { type: "statusPageMatchedDomain", statusPageSlug: domain.slug }
				: { type: "entryPage", entryPage: null, server: "stand-in" },
		);
	if (path === "/metrics") return metrics(store, request);
	const [, token] = /^\/api\/push\/([^/]+)$/.exec(path) ?? [];
	if (token) {
		const ping = Number.parseFloat(query.get("ping") ?? "") || null;
		const status = query.get("status") ?? "up";
		const msg = query.get("msg") || "OK";
		return runner.push(token, { status, msg, ping })
			? json({ ok: true })
			: json({ ok: false, msg: "Monitor not found or not active." }, 404);
	}
	const [, slug] = /^\/status\/([^/]+)$/.exec(path) ?? [];
	if (slug) return cache.through(path, pageMs, () => shown(slug));
	const [, beats] = /^\/api\/status-page\/heartbeat\/([^/]+)$/.exec(path) ?? [];
	if (beats)
		return cache.through(path, beatsMs, () => json(publicBeats(store, beats)));
	const [, history] =
		/^\/api\/status-page\/([^/]+)\/incident-history$/.exec(path) ?? [];
	if (history)
		return cache.through(path, pageMs, () => {
			const found = publicHistory(store, history);
			return found
				? json({ ok: true, ...found })
				: missing("Status Page Not Found");
		});
	const [, data] = /^\/api\/status-page\/([^/]+)$/.exec(path) ?? [];
	if (data)
		return cache.through(path, pageMs, () => {
			const found = publicData(store, data);
			return found ? json(found) : missing("Status Page Not Found");
		});
	if (path.startsWith("/api/"))
		return missing(`${path}: not served by this stand-in for Uptime Kuma`);
	return noDashboard;
}

function metrics(store: Store, request: IncomingMessage): Answer {
	const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? "")?.[1];
	const [user = "", ...rest] = Buffer.from(basic ?? "", "base64")
		.toString()
		.split(":");
	if (!isUser(store, user, rest.join(":")))
		return {
			...page("", 401),
			headers: { "www-authenticate": "Basic" },
		};
	const samples = store.state.monitors.flatMap((monitor) => {
		const last = store.beatsOf(monitor.id).at(-1);
		if (!last) return [];
		const labels = Object.entries({
			...{ monitor_id: monitor.id, monitor_name: monitor.name },
			...{ monitor_type: monitor.type, monitor_url: monitor.url ?? null },
			...{ monitor_hostname: null, monitor_port: null },
		})
			.map(([name, value]) => `${name}=${JSON.stringify(String(value))}`)
			.join(",");
		return [{ labels, status: last.status, ping: last.ping ?? -1 }];
	});
	const family = (name: string, help: string, value: "status" | "ping") =>
		[
			`# HELP ${name} ${help}`,
			`# TYPE ${name} gauge`,
			...samples.map((one) => `${name}{${one.labels}} ${one[value]}`),
			"",
		].join("\n");
	return {
		...{ status: 200, type: "text/plain; version=0.0.4; charset=utf-8" },
		body: `${family(
			"monitor_status",
			"Monitor Status (1 = UP, 0= DOWN, 2= PENDING, 3= MAINTENANCE)",
			"status",
		)}${family("monitor_response_time", "Monitor Response Time (ms)", "ping")}`,
	};
}
