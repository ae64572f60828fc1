/** A remark, how many users it is about, and some of them. */
export interface RemarkCount {
	readonly remark: string;
	readonly users: number;
	/** Old ids, at most 20. */
	readonly ids: readonly string[];
}

const MOST_IDS = 20;

/** Gathers what a person should know, so that a report stays short for any number of users. */
export class Remarks {
	private readonly counts = new Map<string, { users: number; ids: string[] }>();

	add(remark: string, id: string): void {
		const count = this.counts.get(remark) ?? { users: 0, ids: [] };
		this.counts.set(remark, count);
		count.users++;
		if (count.ids.length < MOST_IDS) count.ids.push(id);
	}

	/** The most frequent first. */
	list(): RemarkCount[] {
		return [...this.counts]
			.map(([remark, count]) => ({ remark, ...count }))
			.sort((a, b) => b.users - a.users);
	}
}
