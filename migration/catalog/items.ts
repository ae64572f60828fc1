import type { Definition } from "./definitions";

/** One object, or a part of one that can be made or left out by itself. */
export interface Item {
	readonly key: string;
	/** What people call it. */
	readonly title: string;
	readonly schema: string;
	/** The table that it belongs to, or its own name. */
	readonly table: string;
	readonly needs: readonly string[];
	/** What makes it before the rows; none where it comes with another object. */
	readonly create?: readonly string[] | undefined;
	/** What makes it after the rows. */
	readonly definition?: Definition | undefined;
	/** Why it cannot come along whatever else does. */
	readonly obstacle?: Obstacle | undefined;
	/** Not worth a word where it is left out, as what it belongs to is. */
	readonly silent?: boolean;
	/** Without it rows are lost. */
	readonly blocks?: boolean;
}

export interface Obstacle {
	readonly why: string;
	readonly todo: string;
}

/** Whether an item can be made, and whether only after the rows. */
type Verdict =
	| { readonly root: string; readonly circle: boolean }
	| { readonly root: null; readonly afterRows: boolean };

/** Objects with what they need of each other. */
export class Items {
	readonly #items = new Map<string, Item>();
	readonly #verdicts = new Map<string, Verdict>();
	readonly #pending = new Set<string>();

	add(item: Item): void {
		this.#items.set(item.key, item);
		// What was missing so far may be there now.
		this.#verdicts.clear();
	}

	get(key: string): Item | undefined {
		return this.#items.get(key);
	}

	/**
	 * The key of what keeps an object from being made: something that is not
	 * there, or that has an obstacle; itself for one in a circle. null where it can
	 * be made, as far as objects have been added by now.
	 */
	missing(key: string): string | null {
		return this.#verdict(key).root;
	}

	/** Those that can be made before the rows, what they need first. */
	beforeRows(): Item[] {
		return this.#ordered(
			(item) => item.create !== undefined && !this.#afterRows(item.key),
		);
	}

	/** Those that could be made before the rows, but need something of after. */
	late(): Item[] {
		return this.#ordered(
			(item) => item.create !== undefined && this.#afterRows(item.key),
		);
	}

	/** What is made after the rows, in the order added. */
	definitions(): Definition[] {
		return [...this.#items.values()].flatMap((item) =>
			item.definition && this.missing(item.key) === null
				? [item.definition]
				: [],
		);
	}

	/** Those that cannot be made, each with what is missing. */
	leftOut(): { readonly item: Item; readonly root: string }[] {
		return [...this.#items.values()].flatMap((item) => {
			const root = this.missing(item.key);
			return root === null || item.silent ? [] : [{ item, root }];
		});
	}

	/** The given keys, each after those of them that it needs, also through others. */
	sorted(keys: readonly string[]): string[] {
		const wanted = new Set(keys);
		const seen = new Set<string>();
		const order: string[] = [];
		const visit = (key: string) => {
			if (seen.has(key)) return;
			seen.add(key);
			for (const need of this.#items.get(key)?.needs ?? []) visit(need);
			if (wanted.has(key)) order.push(key);
		};
		for (const key of keys) visit(key);
		return order;
	}

	#afterRows(key: string): boolean {
		const verdict = this.#verdict(key);
		return verdict.root === null && verdict.afterRows;
	}

	#ordered(wanted: (item: Item) => boolean): Item[] {
		const seen = new Set<string>();
		const order: Item[] = [];
		const visit = (item: Item | undefined) => {
			if (!item || seen.has(item.key) || !wanted(item)) return;
			seen.add(item.key);
			for (const need of item.needs) visit(this.#items.get(need));
			order.push(item);
		};
		for (const item of this.#items.values())
			if (this.missing(item.key) === null) visit(item);
		return order;
	}

	#verdict(key: string): Verdict {
		const known = this.#verdicts.get(key);
		if (known) return known;
		if (this.#pending.has(key)) return { root: key, circle: true };
		this.#pending.add(key);
		const verdict = this.#decide(key);
		this.#pending.delete(key);
		this.#verdicts.set(key, verdict);
		return verdict;
	}

	#decide(key: string): Verdict {
		const item = this.#items.get(key);
		if (!item || item.obstacle) return { root: key, circle: false };
		let afterRows = item.definition !== undefined;
		for (const need of item.needs) {
			const verdict = this.#verdict(need);
			if (verdict.root !== null) return verdict;
			afterRows ||= verdict.afterRows;
		}
		return { root: null, afterRows };
	}
}
