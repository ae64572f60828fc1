import { type LogQuery, logQuery } from "./pipeline";
import { duration, type Node, QueryError } from "./tree";

/** Labels to group by, or all but those. */
export interface Grouping {
	without: boolean;
	labels: string[];
}

export type Metric =
	| { kind: "number"; value: number }
	/** `vector(1)`: one series without labels. */
	| { kind: "vector"; value: number }
	| {
			kind: "range";
			op: RangeOp;
			log: LogQuery;
			/** Nanoseconds. */
			range: number;
			offset: number;
	  }
	| {
			kind: "aggregate";
			op: VectorOp;
			/** Of topk and bottomk. */
			count: number;
			grouping: Grouping;
			inner: Metric;
	  }
	| {
			kind: "binary";
			op: string;
			/** 0 and 1 in place of leaving out. */
			bool: boolean;
			matching?: { on: boolean; labels: string[] };
			left: Metric;
			right: Metric;
	  };

const rangeOps = {
	CountOverTime: "count_over_time",
	Rate: "rate",
	BytesOverTime: "bytes_over_time",
	BytesRate: "bytes_rate",
} as const;
export type RangeOp = (typeof rangeOps)[keyof typeof rangeOps];

const vectorOps = {
	Sum: "sum",
	Avg: "avg",
	Min: "min",
	Max: "max",
	Count: "count",
	Topk: "topk",
	Bottomk: "bottomk",
} as const;
export type VectorOp = (typeof vectorOps)[keyof typeof vectorOps];

/**
 * @param node a MetricExpr
 * @throws QueryError for what this one does not know
 */
export function metric(node: Node): Metric {
	const inner = node.children.find(({ name }) => name !== "LineComment");
	switch (inner?.name) {
		case "MetricExpr":
			return metric(inner);
		case "LiteralExpr":
			return { kind: "number", value: literal(inner) };
		case "VectorExpr":
			return { kind: "vector", value: Number(inner.need("Number").text) };
		case "RangeAggregationExpr":
			return rangeAggregation(inner);
		case "VectorAggregationExpr":
			return vectorAggregation(inner);
		case "BinOpExpr":
			return binary(inner);
		default:
			throw node.unsupported(inner?.name);
	}
}

function literal(node: Node): number {
	return Number(node.text.replaceAll(/\s/g, ""));
}

function rangeAggregation(node: Node): Metric {
	const [name] = node.need("RangeOp").children;
	const op = rangeOps[name?.name as keyof typeof rangeOps];
	if (!op) throw node.unsupported(name?.text);
	const log = node.need("LogRangeExpr");
	if (log.child("UnwrapExpr")) throw log.unsupported("unwrap");
	if (node.child("Grouping"))
		throw new QueryError(
			`parse error : grouping not allowed for ${op} aggregation`,
		);
	const shift = log.child("OffsetExpr");
	return {
		kind: "range",
		op,
		log: logQuery(log),
		range: length(log.need("Range").need("Duration")),
		offset: shift ? length(shift.need("Duration")) : 0,
	};
}

function length(node: Node): number {
	const found = duration(node.text);
	if (found === undefined) throw node.unsupported("a duration");
	return found;
}

function vectorAggregation(node: Node): Metric {
	const [name] = node.need("VectorOp").children;
	const op = vectorOps[name?.name as keyof typeof vectorOps];
	if (!op) throw node.unsupported(name?.text);
	const count = node.child("Number");
	const grouping = node.child("Grouping");
	return {
		kind: "aggregate",
		op,
		count: count ? Number(count.text) : 0,
		grouping: {
			without: grouping?.child("Without") !== undefined,
			labels: grouping?.all("Identifier").map(({ text }) => text) ?? [],
		},
		inner: metric(node.need("MetricExpr")),
	};
}

/** How tightly each operator binds; ^ from the right. */
const binding: Record<string, number> = {
	...{ Or: 1, And: 2, Unless: 2 },
	...{ Eql: 3, Neq: 3, Gtr: 3, Gte: 3, Lss: 3, Lte: 3 },
	...{ Add: 4, Sub: 4, Mul: 5, Div: 5, Mod: 5, Pow: 6 },
};

type Operator = Pick<
	Extract<Metric, { kind: "binary" }>,
	"op" | "bool" | "matching"
>;

/**
 * The grammar is an editor's: it nests operators as they come. So they are laid out
 * in a row, and put together again by how tightly they bind.
 */
function binary(node: Node): Metric {
	const row = inRow(node);
	let at = 0;
	const climb = (least: number): Metric => {
		let left = row[at] as Metric;
		at += 1;
		for (;;) {
			const next = row[at] as Operator | undefined;
			const strength = next ? (binding[next.op] ?? 0) : 0;
			if (!next || strength < least) return left;
			at += 1;
			const right = climb(next.op === "Pow" ? strength : strength + 1);
			left = { kind: "binary", ...next, left, right };
		}
	};
	return climb(1);
}

/** Operands and operators in turn; what stands in parentheses is one operand. */
function inRow(node: Node): (Metric | Operator)[] {
	const operands = node.children
		.filter(({ name }) => name === "Expr")
		.map((expression) => {
			const inner = expression.need("MetricExpr");
			const nested = inner.child("BinOpExpr");
			return nested ? inRow(nested) : [metric(inner)];
		});
	return [...(operands[0] ?? []), operator(node), ...(operands[1] ?? [])];
}

function operator(node: Node): Operator {
	const { name: op } = node.need(...Object.keys(binding));
	const modifier = node.need("BinOpModifier");
	if (modifier.all("GroupLeft").length + modifier.all("GroupRight").length > 0)
		throw modifier.unsupported("group_left or group_right");
	const matching = modifier.child("OnOrIgnoringModifier");
	return {
		op,
		bool: modifier.all("Bool").length > 0,
		...(matching
			? {
					matching: {
						on: matching.child("On") !== undefined,
						labels: matching.all("LabelName").map(({ text }) => text),
					},
				}
			: {}),
	};
}
