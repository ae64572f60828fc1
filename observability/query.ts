import type { parser } from "@prometheus-io/lezer-promql";

/** What a parser of lezer's makes of a query. */
export type Tree = ReturnType<typeof parser.parse>;

/** One `label op "value"` of a selector. */
export interface Matcher {
	label: string;
	op: "=" | "!=" | "=~" | "!~";
	value: string;
}

/** Each node of a tree, from the outside in and from left to right. */
export function* nodesOf(tree: Tree): Generator<Tree["topNode"]> {
	const cursor = tree.cursor();
	do yield cursor.node;
	while (cursor.next());
}

/**
 * The parsers never fail: they put an error where they give up and go on.
 *
 * @throws Error with the place, where the tree has one.
 */
export function refuseErrors(tree: Tree, language: string, query: string) {
	for (const node of nodesOf(tree)) {
		if (!node.type.isError) continue;
		throw new Error(
			`not ${language} at character ${node.from + 1}:\n   ${query}\n   ${" ".repeat(node.from)}^`,
		);
	}
}

/** What a string of PromQL or LogQL says, which are Go's. */
export function unquote(literal: string): string {
	const inner = literal.slice(1, -1);
	if (literal.startsWith("`")) return inner;
	return JSON.parse(
		literal.startsWith('"')
			? literal
			: `"${inner.replaceAll("\\'", "'").replaceAll('"', '\\"')}"`,
	) as string;
}
