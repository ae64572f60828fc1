import { parser } from "@prometheus-io/lezer-promql";
import {
	type Matcher,
	nodesOf,
	refuseErrors,
	type Tree,
	unquote,
} from "./query";

/** A metric as a query asks for it: `name{label="value"}`. */
export interface VectorSelector {
	metric: string;
	matchers: Matcher[];
}

/**
 * The metrics that a query reads, each once, sorted.
 *
 * @param promql without Grafana's variables: those are not PromQL.
 * @throws Error for a query that does not parse, with the place, and for one that
 *   names its metrics by a pattern or not at all: nobody can say what it reads.
 */
export function metricsIn(promql: string): string[] {
	return unique(vectorSelectorsIn(promql).map(({ metric }) => metric));
}

/**
 * The labels that a query matches or groups by, each once, sorted.
 *
 * @throws Error as metricsIn does.
 */
export function labelsIn(promql: string): string[] {
	const grouped = [...nodesOf(parse(promql))]
		.filter(({ name }) => name === "LabelName")
		.map(({ from, to }) => promql.slice(from, to));
	return unique(grouped.filter((label) => label !== "__name__"));
}

/**
 * Every metric of a query with its matchers, in the query's order.
 *
 * @throws Error as metricsIn does.
 */
export function vectorSelectorsIn(promql: string): VectorSelector[] {
	return [...nodesOf(parse(promql))]
		.filter(({ name }) => name === "VectorSelector")
		.map(({ node }) => {
			const text = (of: { from: number; to: number } | null) =>
				of ? promql.slice(of.from, of.to) : "";
			const list = node.getChild("LabelMatchers");
			const matchers = (list?.getChildren("UnquotedLabelMatcher") ?? []).map(
				(matcher): Matcher => ({
					label: text(matcher.getChild("LabelName")),
					op: text(matcher.getChild("MatchOp")) as Matcher["op"],
					value: unquote(text(matcher.getChild("StringLiteral"))),
				}),
			);
			const named = matchers.find(({ label }) => label === "__name__");
			const quoted = text(list?.getChild("QuotedLabelName") ?? null);
			const metric =
				text(node.getChild("Identifier")) ||
				(quoted && unquote(quoted)) ||
				(named?.op === "=" && named.value);
			if (!metric) {
				throw new Error(`${text(node)} says of no one metric that it reads it`);
			}
			return {
				metric,
				matchers: matchers.filter(({ label }) => label !== "__name__"),
			};
		});
}

function parse(promql: string): Tree {
	const tree = parser.parse(promql);
	refuseErrors(tree, "PromQL", promql);
	return tree;
}

function unique(names: string[]): string[] {
	return [...new Set(names)].sort();
}
