/** Where a row lies, in the snapshot in which it was found. */
export interface Place {
	/** Which of the sides that fill the table. */
	readonly side: number;
	/** OID of its table or partition. */
	readonly table: number;
	readonly block: number;
	readonly number: number;
}

/** Places of one table of one side, as the server takes them. */
export interface PlaceList {
	readonly side: number;
	readonly table: number;
	/** `(block,number)`, for tid[]. */
	readonly rows: readonly string[];
}

const ROWS_PER_BLOCK = 65536;

/** Places in 8 bytes each: a million of them is little. */
export class Places {
	private readonly byTable = new Map<string, number[]>();
	private count = 0;

	add({ side, table, block, number }: Place): void {
		const name = `${side}/${table}`;
		const rows = this.byTable.get(name);
		const row = block * ROWS_PER_BLOCK + number;
		if (rows) rows.push(row);
		else this.byTable.set(name, [row]);
		this.count++;
	}

	get size(): number {
		return this.count;
	}

	/** All places in lists of up to `most`, in the order of their blocks. */
	*lists(most: number): Generator<PlaceList> {
		for (const [name, rows] of this.byTable) {
			const [side, table] = name.split("/").map(Number);
			if (side === undefined || table === undefined) continue;
			rows.sort((a, b) => a - b);
			for (let at = 0; at < rows.length; at += most)
				yield {
					side,
					table,
					rows: rows
						.slice(at, at + most)
						.map(
							(row) =>
								`(${Math.floor(row / ROWS_PER_BLOCK)},${row % ROWS_PER_BLOCK})`,
						),
				};
		}
	}
}

/** SQL condition over t, the table itself, for the rows of a list. */
export function atPlaces({
	table,
	rows,
}: Pick<PlaceList, "table" | "rows">): string {
	return `t.tableoid = ${table} AND t.ctid = ANY ('{${rows.map((row) => `"${row}"`).join(",")}}'::tid[])`;
}
