import type { Call } from "./router";

/** https://docs.digitalocean.com/reference/api/reference/links-pagination/ */
const defaultPerPage = 20;
const maxPerPage = 200;

/**
 * One page of a list in DigitalOcean's form: the items under `key`, links to
 * the neighbouring pages (none when everything fits on one) and the total.
 */
export function paginate<T>(
	call: Call<unknown>,
	key: string,
	items: Iterable<T>,
	view: (item: T) => unknown,
): Record<string, unknown> {
	const all = [...items];
	const perPage = Math.min(
		positive(call.query.get("per_page"), defaultPerPage),
		maxPerPage,
	);
	const page = positive(call.query.get("page"), 1);
	const last = Math.max(1, Math.ceil(all.length / perPage));
	const link = (target: number) => {
		const query = new URLSearchParams(call.query);
		query.set("page", String(target));
		if (call.query.has("per_page")) query.set("per_page", String(perPage));
		return `${call.origin}${call.path}?${query}`;
	};
	const pages: Record<string, string> = {};
	if (page > 1) {
		pages.first = link(1);
		pages.prev = link(Math.min(page - 1, last));
	}
	if (page < last) {
		pages.next = link(page + 1);
		pages.last = link(last);
	}
	return {
		[key]: all.slice((page - 1) * perPage, page * perPage).map(view),
		links: Object.keys(pages).length > 0 ? { pages } : {},
		meta: { total: all.length },
	};
}

function positive(text: string | null, otherwise: number): number {
	const value = Number(text);
	return Number.isInteger(value) && value >= 1 ? value : otherwise;
}
