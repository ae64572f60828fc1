/**
 * A pattern of PostgreSQL's ILIKE as a regular expression: % and _ are wildcards,
 * a backslash takes the next character for itself.
 */
export function likePattern(pattern: string): RegExp {
	const parts = pattern.match(/\\[\s\S]|[\s\S]/gu) ?? [];
	const source = parts.map((part) => {
		if (part === "%") return "[\\s\\S]*";
		if (part === "_") return "[\\s\\S]";
		const literal = part.length > 1 && part[0] === "\\" ? part.slice(1) : part;
		return literal.replace(/[$()*+./?[\\\]^{|}]/, "\\$&");
	});
	return new RegExp(`^${source.join("")}$`, "iu");
}
