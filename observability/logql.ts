import { parser } from "@grafana/lezer-logql";
import {
	type Matcher,
	nodesOf,
	refuseErrors,
	type Tree,
	unquote,
} from "./query";

/**
 * The stream selectors of a query, each as its matchers, in the query's order.
 *
 * @param logql without Grafana's variables: those are not LogQL.
 * @throws Error for a query that does not parse, with the place.
 */
export function selectorsIn(logql: string): Matcher[][] {
	const selectors: Matcher[][] = [];
	for (const { name, node } of nodesOf(parse(logql))) {
		if (name === "Selector") selectors.push([]);
		// Matchers that filter after a parser stand outside of any selector.
		if (name !== "Matcher" || node.parent?.name !== "Matchers") continue;
		const text = (type: string) => {
			const child = node.getChild(type);
			return child ? logql.slice(child.from, child.to) : "";
		};
		const label = text("Identifier");
		const value = text("String");
		selectors.at(-1)?.push({
			label,
			op: logql
				.slice(node.from, node.to)
				.slice(label.length, -value.length)
				.trim() as Matcher["op"],
			value: unquote(value),
		});
	}
	return selectors;
}

/**
 * The labels that a query groups by, each once, sorted.
 *
 * @throws Error for a query that does not parse, with the place.
 */
export function groupingsIn(logql: string): string[] {
	const grouped = [...nodesOf(parse(logql))].filter(
		({ name, parent }) => name === "Identifier" && parent?.name === "Labels",
	);
	return [
		...new Set(grouped.map(({ from, to }) => logql.slice(from, to))),
	].sort();
}

function parse(logql: string): Tree {
	const tree = parser.parse(logql);
	refuseErrors(tree, "LogQL", logql);
	return tree;
}
