/**
 * A server as a check names it: what passed at a stand-in is never told as more.
 *
 * @param said its version or its page's title, where each stand-in says what it is.
 */
export function server(name: string, said: string): string {
	if (/stand-in/i.test(said)) return `a stand-in for ${name}`;
	return /^\d/.test(said) ? `${name} ${said}` : name;
}
