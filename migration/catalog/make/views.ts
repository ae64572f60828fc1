import { ident } from "../../sql";
import type { View } from "../types";
import { option } from "./tables";

/** The statements that make a view; a materialized one holds no rows yet. */
export function createView(view: View): string[] {
	const { schema, name, materialized, query, options, defaults } = view;
	const with_ = options ? ` WITH (${options.map(option).join(", ")})` : "";
	return [
		materialized
			? `CREATE MATERIALIZED VIEW ${ident(schema, name)}${with_} AS ${query} WITH NO DATA`
			: `CREATE VIEW ${ident(schema, name)}${with_} AS ${query}`,
		...defaults.map(
			({ column, expression }) =>
				`ALTER VIEW ${ident(schema, name)} ALTER COLUMN ${ident(column)} SET DEFAULT ${expression}`,
		),
	];
}
