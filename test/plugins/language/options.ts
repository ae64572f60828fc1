import type { Properties } from "../base/values";

/** `runtime.options` of Pulumi.yaml, as far as they concern Node. */
export interface RuntimeOptions {
	typescript: boolean;
	tsconfig: string | undefined;
	nodeargs: string[];
}

/**
 * Reads the options as the official language host does.
 *
 * @throws Error that names the option of a wrong type
 */
export function parseOptions(options: Properties): RuntimeOptions {
	const typescript = options.typescript ?? true;
	if (typeof typescript !== "boolean") {
		throw new Error("typescript option must be a boolean");
	}
	const tsconfig = options.tsconfig ?? undefined;
	if (tsconfig !== undefined && typeof tsconfig !== "string") {
		throw new Error("tsconfigpath option must be a string");
	}
	const nodeargs = options.nodeargs ?? "";
	if (typeof nodeargs !== "string") {
		throw new Error("nodeargs option must be a string");
	}
	return { typescript, tsconfig, nodeargs: splitWords(nodeargs) };
}

/**
 * Splits a command line into words as a shell does: blanks separate, single
 * quotes keep, double quotes keep but for backslashes.
 *
 * @throws Error where a quote is not closed
 */
export function splitWords(line: string): string[] {
	const words: string[] = [];
	const pattern = /\s*((?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])+)|\s+$/gy;
	let end = 0;
	for (const match of line.matchAll(pattern)) {
		end = match.index + match[0].length;
		if (match[1] !== undefined) {
			words.push(unquote(match[1]));
		}
	}
	if (end !== line.length) {
		throw new Error(`a quote in nodeargs is not closed: ${line.slice(end)}`);
	}
	return words;
}

function unquote(word: string): string {
	return word.replace(
		/'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/g,
		(_all, single?: string, double?: string, escaped?: string) =>
			single ?? double?.replace(/\\(.)/g, "$1") ?? escaped ?? "",
	);
}
