/** Shorter ones stand in ordinary words. */
const shortest = 6;

/**
 * A text without secrets: also the password of a URL, which messages name alone.
 *
 * @param secrets values, and URLs with one in them.
 */
export function redact(text: string, secrets: readonly string[]): string {
	return secrets
		.flatMap((secret) => [secret.trim(), ...passwords(secret)])
		.filter(({ length }) => length >= shortest)
		.sort((a, b) => b.length - a.length)
		.reduce((shown, secret) => shown.replaceAll(secret, "•••"), text);
}

/** As it stands in the URL and as it is. */
function passwords(secret: string): string[] {
	try {
		const { password } = new URL(secret);
		return [password, decodeURIComponent(password)];
	} catch {
		return [];
	}
}
