/** A stack's name without organization and project, as files are called by it. */
export function simpleName(stack: string): string {
	return stack.replace(/^.*\//, "");
}
