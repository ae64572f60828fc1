/** A filter of a listing function: an item passes where `key` has one of `values`. */
export interface Filter {
	key: string;
	values: string[];
	/** Whether an item needs all the values, where its own is a list. */
	all?: boolean;
	/** How values compare; exact where not given. */
	matchBy?: string;
}

export interface Sort {
	key: string;
	direction?: string;
}

type Item = Record<string, unknown>;

/**
 * Filters and sorts the items of a listing function, as the official
 * provider's datalist package does.
 *
 * @throws Error for a regular expression that is none
 */
export function select<T extends Item>(
	items: T[],
	filters: Filter[] = [],
	sorts: Sort[] = [],
): T[] {
	const kept = items.filter((item) =>
		filters.every((filter) => matches(item, filter)),
	);
	return kept.sort((a, b) => {
		for (const { key, direction } of sorts) {
			const order = compare(a[snakeToCamel(key)], b[snakeToCamel(key)]);
			if (order !== 0) {
				return direction === "desc" ? -order : order;
			}
		}
		return 0;
	});
}

function matches(item: Item, filter: Filter): boolean {
	const found = item[snakeToCamel(filter.key)];
	const candidates = (Array.isArray(found) ? found : [found]).map(String);
	const hit = (value: string) =>
		candidates.some((candidate) => same(candidate, value, filter.matchBy));
	return filter.all ? filter.values.every(hit) : filter.values.some(hit);
}

function same(candidate: string, value: string, by = "exact"): boolean {
	switch (by) {
		case "re":
			return new RegExp(value).test(candidate);
		case "substring":
			return candidate.includes(value);
		default:
			return candidate === value;
	}
}

function compare(a: unknown, b: unknown): number {
	if (typeof a === "number" && typeof b === "number") {
		return a - b;
	}
	const [x, y] = [String(a), String(b)];
	return x < y ? -1 : x > y ? 1 : 0;
}

/** Filters are written with Terraform's names: `public_key`. */
function snakeToCamel(key: string): string {
	return key.replace(/_([a-z])/g, (_all, letter: string) =>
		letter.toUpperCase(),
	);
}
