import { type Labels, type Matcher, matcher, selector } from "./matcher";
import { type Parsed, parseJson, parseLogfmt } from "./parsers";
import { bytes, duration, type Node, QueryError, regex, unquote } from "./tree";

/** A line on its way through a pipeline. */
export interface Line {
	text: string;
	/** The stream's and the line's metadata. */
	own: Labels;
	/** Those, and what parsers added. */
	labels: Labels;
}

/** @returns whether the line goes on. */
type Stage = (line: Line) => boolean;

/** Which streams, and what happens to each of their lines. */
export interface LogQuery {
	matchers: Matcher[];
	run: Stage;
}

/** The label of a line that a parser failed on. */
export const errorLabel = "__error__";

/**
 * @param node a LogExpr or LogRangeExpr
 * @throws QueryError for what this one does not know
 */
export function logQuery(node: Node): LogQuery {
	const pipeline = node.child("PipelineExpr");
	const stages = pipeline ? stagesOf(pipeline).flatMap(stage) : [];
	return {
		matchers: selector(node.need("Selector")),
		run: (line) => stages.every((each) => each(line)),
	};
}

function stagesOf(pipeline: Node): Node[] {
	return pipeline.children.flatMap((child) =>
		child.name === "PipelineExpr" ? stagesOf(child) : [child],
	);
}

function stage(node: Node): Stage[] {
	const inner = node.children.filter(({ name }) => name !== "Pipe");
	return inner.flatMap((part) => {
		switch (part.name) {
			case "LineFilters":
				return lineFilters(part);
			case "LabelParser":
				if (part.child("Json")) return [parser(parseJson)];
				throw part.unsupported(part.children[0]?.name);
			case "LogfmtParser":
				if (part.children.length > 1) throw part.unsupported();
				return [parser(parseLogfmt)];
			case "LabelFilter":
				return [labelFilter(part)];
			case "LineFormatExpr":
				return [lineFormat(part)];
			default:
				throw part.unsupported();
		}
	});
}

/** They nest to the left. */
function lineFilters(node: Node): Stage[] {
	return node.children.flatMap((child) =>
		child.name === "LineFilters" ? lineFilters(child) : [lineFilter(child)],
	);
}

function lineFilter(node: Node): Stage {
	if (node.child("FilterOp")) throw node.unsupported("a line filter by ip()");
	const [op] = node.need("Filter").children;
	const values = node.all("String").map(({ text }) => unquote(text));
	const tests = values.map((value) => {
		if (op?.name === "PipeExact" || op?.name === "Neq")
			return (text: string) => text.includes(value);
		if (op?.name === "PipeMatch" || op?.name === "Nre") {
			const pattern = regex(value, false);
			return (text: string) => pattern.test(text);
		}
		throw node.unsupported(op?.name);
	});
	const wanted = op?.name === "PipeExact" || op?.name === "PipeMatch";
	return ({ text }) => tests.some((test) => test(text)) === wanted;
}

function parser(parse: (text: string) => Parsed): Stage {
	return (line) => {
		const parsed = parse(line.text);
		if ("error" in parsed) {
			line.labels[errorLabel] = parsed.error;
			line.labels.__error_details__ = parsed.details;
			return true;
		}
		for (const [name, value] of Object.entries(parsed.labels))
			line.labels[name in line.own ? `${name}_extracted` : name] ??= value;
		return true;
	};
}

type Test = (labels: Labels) => boolean;

function labelFilter(node: Node): Stage {
	const test = labelTest(node);
	return ({ labels }) => test(labels);
}

function labelTest(node: Node): Test {
	const parts = node.children.filter(({ name }) => name === "LabelFilter");
	if (parts.length > 0) {
		// The editor's grammar does not say which of the two binds tighter.
		const own = joiner(node);
		if (own && parts.some((part) => ![undefined, own].includes(joiner(part))))
			throw node.unsupported("`and` beside `or` without parentheses");
		const tests = parts.map(labelTest);
		return own === "or"
			? (labels) => tests.some((test) => test(labels))
			: (labels) => tests.every((test) => test(labels));
	}
	const inner = node.children[0];
	switch (inner?.name) {
		case "Matcher": {
			const { label, matches } = matcher(inner);
			return (labels) => matches(labels[label] ?? "");
		}
		case "NumberFilter":
			return measure(inner, "LiteralExpr", Number, (text) =>
				text.trim() === "" ? undefined : Number(text),
			);
		case "UnitFilter": {
			const unit = inner.need("DurationFilter", "BytesFilter");
			return unit.name === "DurationFilter"
				? measure(unit, "Duration", duration, duration)
				: measure(unit, "Bytes", bytes, bytes);
		}
		default:
			throw node.unsupported(inner?.name);
	}
}

/** What joins a filter's two parts; nothing where it is one, or in parentheses. */
function joiner(node: Node): "or" | "and" | undefined {
	const parts = node.children.filter(({ name }) => name === "LabelFilter");
	if (parts.length < 2) return undefined;
	return node.child("Or") ? "or" : "and";
}

/** A label's text as a number against a number; text that is none goes on, with an error, as in Loki. */
function measure(
	node: Node,
	literal: string,
	readLimit: (text: string) => number | undefined,
	read: (text: string) => number | undefined,
): Test {
	const label = node.need("Identifier").text;
	const limit = readLimit(node.need(literal).text);
	const op = node.children[1];
	if (limit === undefined || Number.isNaN(limit) || !op)
		throw node.unsupported();
	const compare = comparisons[op.name];
	if (!compare) throw node.unsupported(op.name);
	return (labels) => {
		const text = labels[label];
		if (text === undefined) return false;
		const value = read(text);
		if (value === undefined || Number.isNaN(value)) {
			labels[errorLabel] = "LabelFilterErr";
			return true;
		}
		return compare(value, limit);
	};
}

/** By the grammar's names, of filters and of operators. */
export const comparisons: Record<string, (a: number, b: number) => boolean> = {
	Eq: (a, b) => a === b,
	Eql: (a, b) => a === b,
	Neq: (a, b) => a !== b,
	Gtr: (a, b) => a > b,
	Gte: (a, b) => a >= b,
	Lss: (a, b) => a < b,
	Lte: (a, b) => a <= b,
};

/** Of Go's templates only `{{.label}}` and the text around. */
function lineFormat(node: Node): Stage {
	const template = unquote(node.need("String").text);
	const field = /\{\{\s*\.([a-zA-Z_]\w*)\s*\}\}/g;
	if (template.replace(field, "").includes("{{"))
		throw node.unsupported("a line_format with more than {{.label}}");
	return (line) => {
		line.text = template.replace(
			field,
			(_all, name: string) => line.labels[name] ?? "",
		);
		return true;
	};
}

/** @throws QueryError, as Loki answers where a line of a metric query could not be parsed. */
export function refuseErrors(labels: Labels): void {
	const error = labels[errorLabel];
	if (error !== undefined)
		throw new QueryError(
			`pipeline error: '${error}' for series: '${JSON.stringify(labels)}'.\nUse a label filter to intentionally skip this error. (e.g | __error__!="${error}").`,
		);
}
