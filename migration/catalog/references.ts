import type { ClientBase } from "pg";
import type { Needs } from "./keys";
import { OUTSIDE } from "./queries/dependencies";

/**
 * Turns the places of objects in one server's catalogs (`class/oid`) into keys,
 * which mean the same everywhere.
 */
export class References {
	readonly #keys = new Map<string, string>();
	readonly #aliases = new Map<string, string>();

	/** Notes a row's key and gives the row without its place. */
	add<T extends { ref: string }>(row: T, key: string): Omit<T, "ref"> & T {
		const { ref, ...rest } = row;
		this.#keys.set(ref, key);
		return rest as Omit<T, "ref"> & T;
	}

	/** The key of the object that stands for the one at `ref`, where it is known. */
	keyOf(ref: string): string | undefined {
		return this.#keys.get(this.#standIn(ref));
	}

	/**
	 * The needs of all objects noted so far. What they need and the catalog does not
	 * hold gets a key as well: such an object has to be there by other means.
	 */
	async resolve(
		client: ClientBase,
		found: {
			readonly aliases: readonly { ref: string; of: string }[];
			readonly dependencies: readonly { object: string; needs: string[] }[];
		},
	): Promise<Needs> {
		for (const { ref, of } of found.aliases) this.#aliases.set(ref, of);
		const edges = found.dependencies.filter(
			({ object }) => this.keyOf(object) !== undefined,
		);
		await this.#nameOutside(
			client,
			edges.flatMap(({ needs }) => needs.map((ref) => this.#standIn(ref))),
		);
		const needs = new Map<string, Set<string>>();
		for (const edge of edges) {
			const key = this.keyOf(edge.object) as string;
			const mine = needs.get(key) ?? new Set();
			for (const ref of edge.needs) {
				const need = this.keyOf(ref);
				if (need !== undefined && need !== key) mine.add(need);
			}
			if (mine.size > 0) needs.set(key, mine);
		}
		return Object.fromEntries(
			[...needs].map(([key, mine]) => [key, [...mine].sort()]),
		);
	}

	async #nameOutside(
		client: ClientBase,
		refs: readonly string[],
	): Promise<void> {
		const unknown = [...new Set(refs)].filter((ref) => !this.#keys.has(ref));
		const { rows } = await client.query<{ ref: string; key: string }>(OUTSIDE, [
			unknown.map((ref) => ref.split("/")[0]),
			unknown.map((ref) => ref.split("/")[1]),
		]);
		for (const { ref, key } of rows) this.#keys.set(ref, key);
	}

	#standIn(ref: string): string {
		let current = ref;
		for (
			let next = this.#aliases.get(current);
			next !== undefined && !this.#keys.has(current);
			next = this.#aliases.get(current)
		)
			current = next;
		return current;
	}
}

/** The row without those of the given fields that are NULL. */
export function withoutNulls<T extends object>(
	row: T,
	fields: readonly (keyof T)[],
): T {
	const kept = { ...row };
	for (const field of fields) if (kept[field] === null) delete kept[field];
	return kept;
}
