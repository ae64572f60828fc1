import { Status, type Store } from "./store";

const words: Record<Status, string> = {
	[Status.down]: "down",
	[Status.up]: "up",
	[Status.pending]: "checked again",
	[Status.maintenance]: "maintenance",
};

/** /api/status-page/SLUG, or undefined where there is no such page. */
export function publicData(store: Store, slug: string) {
	const { state } = store;
	const page = state.pages.find((one) => one.slug === slug);
	if (!page) return undefined;
	const { groups, domainNameList: _domains, id, ...config } = page;
	return {
		config,
		incidents: state.incidents
			.filter((one) => one.status_page_id === id && one.pin && one.active)
			.reverse(),
		publicGroupList: groups.map((group, at) => ({
			...{ id: group.id, name: group.name, weight: at + 1 },
			monitorList: group.monitorList.flatMap((shown) => {
				const monitor = state.monitors.find((one) => one.id === shown.id);
				if (!monitor) return [];
				const { name, type } = monitor;
				return [{ id: shown.id, name, sendUrl: 0, type }];
			}),
		})),
		maintenanceList: state.maintenances
			.map((one) => ({ ...one, status: store.statusOf(one) }))
			.filter(
				({ pageIds, status }) =>
					pageIds.includes(id) && status === "under-maintenance",
			)
			.map(({ pageIds: _pages, monitorIds: _monitors, ...shown }) => shown),
	};
}

/** /api/status-page/SLUG/incident-history, or undefined where there is no such page. */
export function publicHistory(store: Store, slug: string) {
	const { pages, incidents } = store.state;
	const page = pages.find((one) => one.slug === slug);
	if (!page) return undefined;
	const all = incidents.filter((one) => one.status_page_id === page.id);
	const shown = all.reverse().slice(0, 10);
	const more = all.length > shown.length;
	return { incidents: shown, total: all.length, hasMore: more };
}

/** /api/status-page/heartbeat/SLUG */
export function publicBeats(store: Store, slug: string) {
	const page = store.state.pages.find((one) => one.slug === slug);
	const ids = page?.groups.flatMap(({ monitorList }) =>
		monitorList.map(({ id }) => id),
	);
	return {
		heartbeatList: Object.fromEntries(
			(ids ?? []).map((id) => [
				id,
				store
					.beatsOf(id)
					.map(({ status, time, ping }) => ({ status, time, msg: "", ping })),
			]),
		),
		uptimeList: Object.fromEntries(
			(ids ?? []).map((id) => [`${id}_24`, uptime(store, id)]),
		),
	};
}

function uptime(store: Store, id: number): number {
	const beats = store.beatsOf(id);
	const counted = beats.filter(({ status }) => status !== Status.pending);
	if (counted.length === 0) return 0;
	const good = counted.filter(({ status }) => status !== Status.down);
	return good.length / counted.length;
}

/** The page for people, or undefined where there is none of that name. */
export function html(store: Store, slug: string): string | undefined {
	const data = publicData(store, slug);
	if (!data) return undefined;
	const { config, incidents, publicGroupList, maintenanceList } = data;
	const last = (id: number) => store.beatsOf(id).at(-1)?.status;
	const row = ({ id, name }: { id: number; name: string }) => {
		const status = last(id);
		return `<li><span class="state s${status ?? 2}" data-monitor="${id}">${words[status ?? Status.pending]}</span>${text(name)}<span class="beats">${store
			.beatsOf(id)
			.slice(-40)
			.map((beat) => `<i class="s${beat.status}"></i>`)
			.join("")}</span></li>`;
	};
	const shown = publicGroupList.flatMap(({ monitorList }) => monitorList);
	const all = shown.map(({ id }) => last(id));
	const overall =
		maintenanceList.length > 0
			? ["s3", "Under maintenance"]
			: all.some((status) => status === Status.down)
				? ["s0", "Partially degraded service"]
				: ["s1", "All systems operational"];
	return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(config.title)} · stand-in for Uptime Kuma</title>
<style>${style}</style>
<script>window.preloadData = ${JSON.stringify(data).replaceAll("<", "\\u003c")};</script>
</head><body><main>
<h1>${text(config.title)}</h1>
<p class="description">${text(config.description ?? "")}</p>
${incidents
	.map(
		(incident) =>
			`<section class="incident ${text(incident.style)}"><h2>${text(incident.title)}</h2>${markdown(incident.content)}<p class="when">${text(incident.createdDate.slice(0, 16))} UTC</p></section>`,
	)
	.join("\n")}
<p class="overall ${overall[0]}">${overall[1]}</p>
${maintenanceList
	.map(
		(maintenance) =>
			`<section class="incident maintenance"><h2>${text(maintenance.title)}</h2>${markdown(maintenance.description)}<p class="when">until ${text(String(maintenance.dateRange[1] ?? "it is ended").slice(0, 16))} UTC</p></section>`,
	)
	.join("\n")}
${publicGroupList
	.map(
		({ name, monitorList }) =>
			`<h2>${text(name)}</h2><ul>${monitorList.map(row).join("")}</ul>`,
	)
	.join("\n")}
<footer>A stand-in for Uptime Kuma: this machine does not reach its image.</footer>
</main></body></html>
`;
}

function text(value: unknown): string {
	return String(value).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** Paragraphs, bold and code; comments are not shown. */
function markdown(source: string): string {
	return source
		.replace(/<!--[\s\S]*?-->/g, "")
		.trim()
		.split(/\n{2,}/)
		.map(
			(paragraph) =>
				`<p>${text(paragraph)
					.replace(/\*\*([^*]+)\*\*/g, "<b>$1</b>")
					.replace(/`([^`]+)`/g, "<code>$1</code>")}</p>`,
		)
		.join("");
}

const style = `
body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f6f7f9;color:#1c2430}
main{max-width:46rem;margin:0 auto;padding:2rem 1rem}
h1{margin:0 0 .2rem}h2{font-size:1.1rem;margin:1.6rem 0 .5rem}
.description,.when,footer{color:#5b6675}.when,footer{font-size:.85rem}footer{margin-top:3rem}
.incident{border-radius:.6rem;padding:.8rem 1rem;margin:1rem 0;background:#e6effc;border-left:.4rem solid #3578e5}
.incident h2{margin:0}.incident p{margin:.3rem 0}
.incident.warning{background:#fff3d6;border-color:#e0a100}.incident.danger{background:#fde4e1;border-color:#d6392b}
.incident.maintenance{background:#e8e6fb;border-color:#6d5ce7}
.overall{border-radius:.6rem;padding:.8rem 1rem;font-weight:600;color:#fff}
ul{list-style:none;padding:0;margin:0;background:#fff;border-radius:.6rem}
li{display:flex;gap:.8rem;align-items:center;padding:.6rem 1rem;border-bottom:1px solid #eef0f3}
.state{min-width:6.5rem;text-align:center;border-radius:1rem;color:#fff;font-size:.85rem;padding:.1rem .6rem}
.beats{margin-left:auto;display:flex;gap:2px}.beats i{width:5px;height:18px;border-radius:2px}
.s0{background:#d6392b}.s1{background:#2fa45b}.s2{background:#e0a100}.s3{background:#6d5ce7}`;
