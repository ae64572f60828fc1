import { type Node, QueryError, regex, unquote } from "./tree";

export type Labels = Record<string, string>;

/** One `label op "value"`, on labels; a label that is missing is empty. */
export interface Matcher {
	label: string;
	/** Whether a line without the label matches. */
	matchesEmpty: boolean;
	matches(value: string): boolean;
}

/** @throws QueryError for a bad regular expression. */
export function matcher(node: Node): Matcher {
	const label = node.need("Identifier").text;
	const value = unquote(node.need("String").text);
	const test = comparison(node.need("Eq", "Neq", "Re", "Nre").name, value);
	return { label, matches: test, matchesEmpty: test("") };
}

function comparison(op: string, value: string): (text: string) => boolean {
	if (op === "Eq") return (text) => text === value;
	if (op === "Neq") return (text) => text !== value;
	const pattern = regex(value, true);
	return op === "Re"
		? (text) => pattern.test(text)
		: (text) => !pattern.test(text);
}

/**
 * A selector's matchers.
 *
 * @throws QueryError where they would match every stream, as Loki does.
 */
export function selector(node: Node): Matcher[] {
	const matchers = node.all("Matcher").map(matcher);
	if (matchers.every(({ matchesEmpty }) => matchesEmpty))
		throw new QueryError(
			'parse error : queries require at least one regexp or equality matcher that does not have an empty-compatible value. For instance, app=~".*" does not meet this requirement, but app=~".+" will',
		);
	return matchers;
}

export function selects(matchers: Matcher[], labels: Labels): boolean {
	return matchers.every(({ label, matches }) => matches(labels[label] ?? ""));
}
