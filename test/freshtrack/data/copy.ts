import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ClientBase } from "pg";
import { from as copyFrom } from "pg-copy-streams";

/** A value in COPY's text form before escaping: null is NULL, an object is JSON. */
export type Cell = string | number | boolean | null | undefined | object;
export type Row = Record<string, Cell>;

const CHUNK = 64 * 1024;

/**
 * Streams rows into a table with COPY, at constant memory. The first row names
 * the columns; a row that lacks one leaves it NULL, so defaults do not apply.
 */
export async function copyRows(
	client: ClientBase,
	table: string,
	rows: Iterable<Row>,
): Promise<number> {
	const source = rows[Symbol.iterator]();
	const first = source.next();
	if (first.done) return 0;
	const columns = Object.keys(first.value);
	let count = 0;
	function* text(): Generator<string> {
		let chunk = "";
		for (
			let next: IteratorResult<Row> = first;
			!next.done;
			next = source.next()
		) {
			const row = next.value;
			count += 1;
			chunk += `${columns.map((column) => cell(row[column])).join("\t")}\n`;
			if (chunk.length > CHUNK) {
				yield chunk;
				chunk = "";
			}
		}
		if (chunk !== "") yield chunk;
	}
	const names = columns
		.map((column) => client.escapeIdentifier(column))
		.join(", ");
	await pipeline(
		Readable.from(text()),
		client.query(copyFrom(`COPY ${table} (${names}) FROM STDIN`)),
	);
	return count;
}

/** PostgreSQL's array literal; elements may be null. */
export function array(elements: readonly (string | null)[]): string {
	const quoted = elements.map((element) =>
		element === null ? "NULL" : `"${element.replace(/["\\]/g, "\\$&")}"`,
	);
	return `{${quoted.join(",")}}`;
}

const ESCAPES: Record<string, string> = {
	"\\": "\\\\",
	"\n": "\\n",
	"\r": "\\r",
	"\t": "\\t",
};

function cell(value: Cell): string {
	if (value === null || value === undefined) return "\\N";
	if (typeof value === "boolean") return value ? "t" : "f";
	if (typeof value === "number") return String(value);
	const text = typeof value === "string" ? value : JSON.stringify(value);
	return /[\\\n\r\t]/.test(text)
		? text.replace(/[\\\n\r\t]/g, (found) => ESCAPES[found] ?? found)
		: text;
}
