import type { Labels } from "./matcher";

/** What a parser stage read off a line, or the error that Loki labels the line with. */
export type Parsed = { labels: Labels } | { error: string; details: string };

/** `| json`: nested members joined by _, lists left out, as Loki does. */
export function parseJson(line: string): Parsed {
	let value: unknown;
	try {
		value = JSON.parse(line);
	} catch (error) {
		return { error: "JSONParserErr", details: (error as Error).message };
	}
	if (typeof value !== "object" || value === null || Array.isArray(value))
		return {
			error: "JSONParserErr",
			details: "Value looks like object, but can't find closing '}' symbol",
		};
	const labels: Labels = {};
	flatten("", value, labels);
	return { labels };
}

function flatten(prefix: string, value: object, labels: Labels): void {
	for (const [key, member] of Object.entries(value)) {
		const label = labelName(prefix === "" ? key : `${prefix}_${key}`);
		if (member === null || Array.isArray(member)) continue;
		if (typeof member === "object") flatten(label, member, labels);
		else labels[label] = String(member);
	}
}

/** `| logfmt`: key=value and key="value"; what is neither is left out. */
export function parseLogfmt(line: string): Parsed {
	const labels: Labels = {};
	for (const [, key = "", quoted, bare] of line.matchAll(
		/([^\s="]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))/g,
	))
		labels[labelName(key)] =
			quoted === undefined ? (bare ?? "") : unescaped(quoted);
	return { labels };
}

function unescaped(text: string): string {
	try {
		return JSON.parse(`"${text}"`) as string;
	} catch {
		return text;
	}
}

/** Whatever Loki allows no label to hold becomes _. */
export function labelName(text: string): string {
	return text.replace(/[^a-zA-Z0-9_]/g, "_").replace(/^(?=\d)/, "_");
}
