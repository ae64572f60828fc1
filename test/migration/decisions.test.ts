import assert from "node:assert/strict";
import type { Column, ForeignKey, Table } from "../../migration/catalog/types";
import { copyFormat } from "../../migration/copy/format";
import { matchSequence } from "../../migration/copy/sequences";
import { progressLine } from "../../migration/progress";
import { declaredUserColumns } from "../../migration/users/references";

const column = (type: string, more: Partial<Column> = {}): Column => ({
	name: "c",
	type,
	base: { schema: "pg_catalog", name: type, kind: "base" },
	element: null,
	modifier: -1,
	notNull: false,
	default: null,
	generated: null,
	identity: null,
	...more,
});
const mood = { schema: "public", name: "mood", kind: "enum" } as const;
const moods = column("public.mood[]", {
	base: { schema: "public", name: "_mood", kind: "base" },
	element: mood,
});

describe("how a column travels", () => {
	it("in binary, but for what carries OIDs", () => {
		const texts = column("text[]", {
			base: { schema: "pg_catalog", name: "_text", kind: "base" },
			element: { schema: "pg_catalog", name: "text", kind: "base" },
		});
		assert.equal(copyFormat([column("int4"), texts]), "binary");
		assert.equal(copyFormat([column("public.mood", { base: mood })]), "binary");
		assert.equal(copyFormat([column("int4"), moods]), "text");
		assert.equal(copyFormat([column("regclass")]), "text");
	});
});

describe("which columns name users", () => {
	const key = (
		table: string,
		column: string,
		to: [string, string, string],
	): ForeignKey => ({
		schema: "public",
		table,
		name: `${table}_${column}`,
		columns: [column],
		refSchema: to[0],
		refTable: to[1],
		refColumns: [to[2]],
		definition: "",
		validated: true,
	});
	const table = (name: string, ...columns: Column[]): Table => ({
		schema: "public",
		name,
		partitioned: false,
		owned: true,
		inherits: [],
		columns,
		primaryKey: null,
		rowKey: null,
		estimatedRows: 0,
		bytes: 0,
	});

	it("follows keys to auth.users, and keys to those columns", () => {
		const found = declaredUserColumns({
			tables: [],
			foreignKeys: [
				key("notes", "author", ["public", "profiles", "user_id"]),
				key("profiles", "user_id", ["auth", "users", "id"]),
				key("notes", "profile", ["public", "profiles", "id"]),
			],
		});
		assert.deepEqual(
			found.map(({ table, column }) => `${table}.${column}`),
			["notes.author", "profiles.user_id"],
		);
	});

	it("takes the operator's word, for columns that exist and can hold ids", () => {
		const tables = [
			table("logs", { ...column("uuid"), name: "actor" }, column("text")),
		];
		const found = declaredUserColumns({ tables, foreignKeys: [] }, [
			"logs.actor",
		]);
		assert.equal(found[0]?.reason, "named");
		for (const wrong of ["logs.nobody", "logs.c"])
			assert.throws(
				() => declaredUserColumns({ tables, foreignKeys: [] }, [wrong]),
				/to do correct --user-column/,
			);
	});
});

describe("which sequence stands for which", () => {
	const sequence = {
		schema: "public",
		type: "bigint",
		start: "1",
		increment: "1",
		min: "1",
		max: "9",
		cache: "1",
		cycle: false,
		identity: true,
	};
	it("the one of the same column, whatever its name", () => {
		const target = [
			{ ...sequence, name: "a_id_seq", ownedBy: { table: "b", column: "id" } },
			{ ...sequence, name: "a_id_seq1", ownedBy: { table: "a", column: "id" } },
		];
		const value = {
			schema: "public",
			name: "a_id_seq",
			ownedBy: { table: "a", column: "id" },
			lastValue: "1",
			isCalled: true,
		};
		assert.equal(matchSequence(value, target)?.name, "a_id_seq1");
		assert.equal(
			matchSequence({ ...value, ownedBy: null }, target)?.name,
			"a_id_seq",
		);
	});
});

describe("a line of progress", () => {
	it("gives amounts, rates and the time left", () => {
		assert.equal(
			progressLine({ rows: 50_000, bytes: 25e6, totalBytes: 100e6 }, 5),
			"[######..................] 25 %  50,000 rows (10,000/s), 25.0 MB (5.0 MB/s), 15 s left",
		);
		assert.equal(
			progressLine({ rows: 3, bytes: 900, totalBytes: 0 }, 1),
			"3 rows (3/s), 900 B (900 B/s)",
		);
	});
});
