import * as fc from "fast-check";
import { ident, literal } from "../../migration/sql";
import { arrayOf, BUILT_IN, identifier, type Kind } from "./property-values";

/** A generated schema with rows, as the SQL that makes both. */
export interface SchemaCase {
	readonly schema: string;
	readonly statements: readonly string[];
}

interface MadeType {
	readonly ddl: string;
	readonly kind: Kind;
}

interface ColumnCase {
	readonly kind: Kind;
	readonly notNull: boolean;
	readonly default: string | null;
	readonly comment: string | null;
	readonly indexed: boolean;
}

interface TableCase {
	readonly style: "plain" | "unlogged" | "hash" | "list" | "range" | "heirs";
	readonly key: "none" | "primary" | "wide" | "unique";
	readonly columns: readonly ColumnCase[];
	readonly generated: boolean;
	readonly selfReference: boolean;
	/** One value a column or NULL. */
	readonly rows: readonly (readonly string[])[];
	readonly view: boolean;
}

const builtIn = fc.constantFrom(...Object.values(BUILT_IN).flat());
/** 1 MB in UTF-8, of characters of two and four bytes. */
const large: Kind = {
	sql: "text",
	value: fc.constant("repeat('ü𝄞', 175000)"),
	ordered: false,
};

/** A schema of an odd name, of tables of all styles with rows of all kinds. */
export function schemaCase(): fc.Arbitrary<SchemaCase> {
	return fc
		.tuple(
			identifier.filter((name) => !/^pg_|^cutover$/.test(name)),
			fc.array(identifier, { minLength: 40, maxLength: 40 }),
		)
		.chain(([schema, names]) => {
			const name = uniqueNames(names);
			return typesOf(schema, name).chain((types) =>
				fc
					.array(tableCase(types.map(({ kind }) => kind)), {
						minLength: 1,
						maxLength: 3,
					})
					.map((tables) => ({
						schema,
						statements: [
							...(schema === "public"
								? []
								: [`CREATE SCHEMA ${ident(schema)}`]),
							...types.map(({ ddl }) => ddl),
							...tables.flatMap((table) => tableSql(schema, name, table)),
						],
					})),
			);
		});
}

/** Gives names that are not taken yet, odd ones as long as there are any. */
function uniqueNames(names: readonly string[]): () => string {
	const left = [...new Set(names)];
	let made = 0;
	return () => left.shift() ?? `name ${++made}`;
}

/** Types of three levels: of built-in ones, of those, and of those. */
function typesOf(
	schema: string,
	name: () => string,
): fc.Arbitrary<readonly MadeType[]> {
	const one = (kinds: fc.Arbitrary<Kind>) =>
		fc.oneof(
			enumType(schema, name),
			rangeType(schema, name),
			domainType(schema, name, kinds),
			compositeType(schema, name, kinds),
		);
	return one(builtIn).chain((first) =>
		one(
			fc.oneof(builtIn, fc.constantFrom(first.kind, arrayOf(first.kind))),
		).chain((second) =>
			one(
				fc.constantFrom(
					first.kind,
					second.kind,
					arrayOf(first.kind),
					arrayOf(second.kind),
				),
			).map((third) => [first, second, third]),
		),
	);
}

function enumType(schema: string, name: () => string): fc.Arbitrary<MadeType> {
	return fc
		.uniqueArray(fc.oneof(identifier, fc.constant("")), {
			minLength: 1,
			maxLength: 5,
		})
		.map((labels) => {
			const type = ident(schema, name());
			return {
				ddl: `CREATE TYPE ${type} AS ENUM (${labels.map(literal).join(", ")})`,
				kind: {
					sql: type,
					value: fc
						.constantFrom(...labels)
						.map((label) => `${literal(label)}::${type}`),
					ordered: true,
				},
			};
		});
}

function rangeType(schema: string, name: () => string): fc.Arbitrary<MadeType> {
	const subtypes = ["text", "uuid", "float8", "inet", "bytea", "time"].flatMap(
		(subtype) => BUILT_IN[subtype]?.slice(0, 1) ?? [],
	);
	return fc.constantFrom(...subtypes).map((subtype) => {
		const type = ident(schema, name());
		const many = ident(schema, name());
		return {
			ddl: `CREATE TYPE ${type} AS RANGE (SUBTYPE = ${subtype.sql}, MULTIRANGE_TYPE_NAME = ${many})`,
			kind: {
				sql: type,
				value: fc
					.tuple(subtype.value, subtype.value)
					.map(
						([a, b]) =>
							`${type}(least(${a}, ${b}), greatest(${a}, ${b}), '[]')`,
					),
				ordered: true,
			},
		};
	});
}

function domainType(
	schema: string,
	name: () => string,
	kinds: fc.Arbitrary<Kind>,
): fc.Arbitrary<MadeType> {
	return kinds
		.chain((kind) => fc.tuple(fc.constant(kind), fc.option(kind.value)))
		.map(([kind, value]) => {
			const type = ident(schema, name());
			const check = ident(name());
			return {
				ddl: `CREATE DOMAIN ${type} AS ${kind.sql} ${value === null ? "" : `DEFAULT (${value})`} CONSTRAINT ${check} CHECK (VALUE IS NULL OR true)`,
				kind: {
					sql: type,
					value: kind.value.map((sql) => `(${sql})::${type}`),
					ordered: kind.ordered,
				},
			};
		});
}

function compositeType(
	schema: string,
	name: () => string,
	kinds: fc.Arbitrary<Kind>,
): fc.Arbitrary<MadeType> {
	return fc.array(kinds, { minLength: 1, maxLength: 3 }).map((fields) => {
		const type = ident(schema, name());
		const list = fields.map((field) => `${ident(name())} ${field.sql}`);
		return {
			ddl: `CREATE TYPE ${type} AS (${list.join(", ")})`,
			kind: {
				sql: type,
				value: fc
					.tuple(...fields.map((field) => fc.option(field.value)))
					.map(
						(values) =>
							`ROW(${values.map((value) => value ?? "NULL").join(", ")})::${type}`,
					),
				ordered: false,
			},
		};
	});
}

function tableCase(made: readonly Kind[]): fc.Arbitrary<TableCase> {
	const scalar = fc.oneof(
		{ weight: 4, arbitrary: builtIn },
		{ weight: 4, arbitrary: fc.constantFrom(...made) },
		{ weight: 1, arbitrary: fc.constant(large) },
	);
	const kind = fc.oneof(scalar, scalar.filter(isNotLarge).map(arrayOf));
	const column = kind.chain(
		(of): fc.Arbitrary<ColumnCase> =>
			fc.record({
				kind: fc.constant(of),
				notNull: fc.boolean(),
				default: of === large ? fc.constant(null) : fc.option(of.value),
				comment: fc.option(fc.string({ unit: "grapheme", minLength: 1 })),
				indexed: of.ordered ? fc.boolean() : fc.constant(false),
			}),
	);
	return fc.array(column, { minLength: 1, maxLength: 5 }).chain((columns) =>
		fc.record({
			style: fc.constantFrom(
				"plain" as const,
				"plain" as const,
				"unlogged" as const,
				"hash" as const,
				"list" as const,
				"range" as const,
				"heirs" as const,
			),
			key: fc.constantFrom(
				"none" as const,
				"primary" as const,
				"wide" as const,
				"unique" as const,
			),
			columns: fc.constant(columns),
			generated: fc.boolean(),
			selfReference: fc.boolean(),
			rows: fc.array(
				fc.tuple(
					...columns.map(({ kind, notNull }) =>
						notNull
							? kind.value
							: fc.option(kind.value).map((value) => value ?? "NULL"),
					),
				),
				{ maxLength: 4 },
			),
			view: fc.boolean(),
		}),
	);
}

function isNotLarge(kind: Kind): boolean {
	return kind !== large;
}

/** Rows are told apart by a number; the other columns are what a case is about. */
function tableSql(
	schema: string,
	name: () => string,
	table: TableCase,
): string[] {
	const own = ident(schema, name());
	const id = name();
	const columns = table.columns.map((column) => ({ ...column, name: name() }));
	const partitioned = ["hash", "list", "range"].includes(table.style);
	const wide = columns.find(({ kind, notNull }) => kind.ordered && notNull);
	const key = [id, ...(table.key === "wide" && wide ? [wide.name] : [])];
	const lines = [
		`${ident(id)} integer NOT NULL${partitioned || table.style === "heirs" ? "" : " GENERATED BY DEFAULT AS IDENTITY"}`,
		...columns.map(
			(column) =>
				`${ident(column.name)} ${column.kind.sql} ${column.default === null ? "" : `DEFAULT (${column.default})`} ${column.notNull ? "NOT NULL" : ""}`,
		),
	];
	const [source] = columns;
	if (table.generated && source)
		lines.push(
			`${ident(name())} ${source.kind.sql} GENERATED ALWAYS AS (${ident(source.name)}) STORED`,
		);
	if (table.key === "primary" || table.key === "wide")
		lines.push(
			`CONSTRAINT ${ident(name())} PRIMARY KEY (${key.map((part) => ident(part)).join(", ")})`,
		);
	if (table.key === "unique")
		lines.push(`CONSTRAINT ${ident(name())} UNIQUE (${ident(id)})`);
	lines.push(`CONSTRAINT ${ident(name())} CHECK (${ident(id)} > -100)`);
	const list = [id, ...columns.map((column) => column.name)]
		.map((part) => ident(part))
		.join(", ");
	const rows = table.rows.map(
		(values, at) => `(${list}) VALUES (${[at * 7, ...values].join(", ")})`,
	);
	return [
		`CREATE ${table.style === "unlogged" ? "UNLOGGED " : ""}TABLE ${own} (\n\t${lines.join(",\n\t")}\n)${partitioned ? ` PARTITION BY ${table.style.toUpperCase()} (${ident(id)})` : ""}`,
		...childrenSql(schema, name, own, table.style, rows),
		...rows.map((row) => `INSERT INTO ${own} ${row}`),
		...columns
			.filter(({ indexed }) => indexed)
			.map(
				(column) =>
					`CREATE INDEX ${ident(name())} ON ${own} (${ident(column.name)} DESC, ${ident(id)}) WHERE ${ident(id)} <> 1`,
			),
		...columns.flatMap(({ comment, name: column }) =>
			comment === null
				? []
				: [
						`COMMENT ON COLUMN ${own}.${ident(column)} IS ${literal(comment.replaceAll("\0", " "))}`,
					],
		),
		...(table.selfReference && table.key === "primary"
			? [
					`ALTER TABLE ${own} ADD CONSTRAINT ${ident(name())} FOREIGN KEY (${ident(id)}) REFERENCES ${own}`,
				]
			: []),
		...(table.view
			? [`CREATE VIEW ${ident(schema, name())} AS SELECT * FROM ${own}`]
			: []),
	];
}

/** Partitions for all numbers; an heir with the same rows again, as its own. */
function childrenSql(
	schema: string,
	name: () => string,
	parent: string,
	style: TableCase["style"],
	rows: readonly string[],
): string[] {
	const part = (bound: string) =>
		`CREATE TABLE ${ident(schema, name())} PARTITION OF ${parent} ${bound}`;
	switch (style) {
		case "hash":
			return [0, 1].map((remainder) =>
				part(`FOR VALUES WITH (MODULUS 2, REMAINDER ${remainder})`),
			);
		case "list":
			return [part("FOR VALUES IN (0, 14)"), part("DEFAULT")];
		case "range":
			return [
				part("FOR VALUES FROM (MINVALUE) TO (7)"),
				part("FOR VALUES FROM (7) TO (MAXVALUE)"),
			];
		case "heirs": {
			const heir = ident(schema, name());
			return [
				`CREATE TABLE ${heir} ("a column of one's own" text DEFAULT 'own') INHERITS (${parent})`,
				...rows.map((row) => `INSERT INTO ${heir} ${row}`),
			];
		}
		default:
			return [];
	}
}
