import { parser } from "@grafana/lezer-logql";

type SyntaxNode = ReturnType<typeof parser.parse>["topNode"];

/** What the asker has to mend: an answer 400 with this text. */
export class QueryError extends Error {
	override readonly name = "QueryError";
}

/** A node of a query's tree, with the query's text. */
export class Node {
	constructor(
		private readonly node: SyntaxNode,
		private readonly query: string,
	) {}

	get name(): string {
		return this.node.name;
	}

	get text(): string {
		return this.query.slice(this.node.from, this.node.to);
	}

	get children(): Node[] {
		const found: Node[] = [];
		for (let child = this.node.firstChild; child; child = child.nextSibling)
			found.push(new Node(child, this.query));
		return found;
	}

	/** The first child of one of these types. */
	child(...names: string[]): Node | undefined {
		return this.children.find(({ name }) => names.includes(name));
	}

	/** The same, which the grammar has there. */
	need(...names: string[]): Node {
		const found = this.child(...names);
		if (!found) throw this.unsupported();
		return found;
	}

	/** Every node of a type under this one, from left to right. */
	all(name: string): Node[] {
		return this.children.flatMap((child) =>
			child.name === name ? [child] : child.all(name),
		);
	}

	/** For whatever real Loki has and this one has not: never an empty success. */
	unsupported(what = this.name): QueryError {
		return new QueryError(
			`stand-in: ${what} is not supported by this stand-in for Loki: ${this.text}`,
		);
	}
}

/**
 * A query's tree by Grafana's own grammar.
 *
 * @throws QueryError with line and column where it is not LogQL.
 */
export function parseTree(query: string): Node {
	if (query.trim() === "")
		throw new QueryError("parse error : syntax error: unexpected $end");
	const tree = parser.parse(query);
	tree.iterate({
		enter({ type, from }) {
			if (!type.isError) return;
			const lines = query.slice(0, from).split("\n");
			throw new QueryError(
				`parse error at line ${lines.length}, col ${(lines.at(-1)?.length ?? 0) + 1}: syntax error: unexpected ${query.slice(from).split(/\s/)[0] || "$end"}`,
			);
		},
	});
	return new Node(tree.topNode, query).need("Expr");
}

/** What a string literal says. */
export function unquote(literal: string): string {
	const inner = literal.slice(1, -1);
	if (literal.startsWith("`")) return inner;
	try {
		return JSON.parse(
			`"${inner.replaceAll("\\'", "'").replace(/\\x([0-9a-f]{2})/gi, "\\u00$1")}"`,
		) as string;
	} catch {
		throw new QueryError(`parse error : invalid string ${literal}`);
	}
}

/**
 * A regular expression of Go's (RE2) as JavaScript has it.
 *
 * @throws QueryError for what RE2 refuses, or JavaScript.
 */
export function regex(source: string, anchored: boolean): RegExp {
	const [, flags = "", rest = source] =
		/^\(\?([ims]+)\)([\s\S]*)$/.exec(source) ?? [];
	const body = rest.replaceAll("(?P<", "(?<");
	if (/\(\?(?:[=!]|<[=!])|\\[1-9]/.test(body))
		throw new QueryError(
			`parse error : error parsing regexp: invalid or unsupported Perl syntax: \`${source}\``,
		);
	try {
		return new RegExp(
			anchored ? `^(?:${body})$` : body,
			[...new Set(`${flags}su`)].join(""),
		);
	} catch {
		throw new QueryError(`parse error : error parsing regexp: \`${source}\``);
	}
}

const nanoseconds: Record<string, number> = {
	ns: 1,
	us: 1e3,
	µs: 1e3,
	ms: 1e6,
	s: 1e9,
	m: 60e9,
	h: 3600e9,
	d: 24 * 3600e9,
	w: 7 * 24 * 3600e9,
	y: 365 * 24 * 3600e9,
};

/**
 * A duration as Go and Prometheus write it, 1h30m.
 *
 * @returns nanoseconds; undefined where the text is none.
 */
export function duration(text: string): number | undefined {
	const unit = /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d|w|y)/g;
	if (text === "" || text.replace(unit, "").replace(/^-/, "") !== "")
		return undefined;
	const sum = [...text.matchAll(unit)].reduce(
		(total, [, count = "", name = ""]) =>
			total + Number(count) * (nanoseconds[name] ?? 0),
		0,
	);
	return text.startsWith("-") ? -sum : sum;
}

const units: Record<string, number> = {
	b: 1,
	kb: 1e3,
	mb: 1e6,
	gb: 1e9,
	tb: 1e12,
	kib: 2 ** 10,
	mib: 2 ** 20,
	gib: 2 ** 30,
	tib: 2 ** 40,
};

/** A size as 2KB or 1.5MiB. @returns bytes; undefined where the text is none. */
export function bytes(text: string): number | undefined {
	const [, count, unit = ""] =
		/^(\d+(?:\.\d+)?)\s*([kmgt]?i?b)$/i.exec(text.trim()) ?? [];
	return count === undefined
		? undefined
		: Number(count) * (units[unit.toLowerCase()] ?? 1);
}
