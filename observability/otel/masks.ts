/** A pattern that must not leave the machine in a log line. */
export interface Mask {
	name: string;
	/** Go's syntax (RE2): no look-around, no references back. */
	regex: string;
	/** `${1}` is the first group. */
	to: string;
	/** Words of which a line has one where the pattern can match; much cheaper to look for. */
	hints?: string[];
	/** Only in lines that are, or are not, a JSON object. */
	json?: boolean;
}

/** What stands in a secret's place. */
export const hidden = "***";

/** Part of the name of whatever holds a secret. */
const key =
	"(?:pass(?:word|wd|phrase)|pwd|secret|token|api[_-]?key|authorization|cookie|credential|private[_-]?key|access[_-]?key)";
const name = `[\\w.-]*${key}[\\w.-]*`;

/**
 * Secrets and e-mail addresses in lines of any service. They work on the line's
 * text, so they find them in messages too, and leave JSON valid. In order: what
 * is found by its form comes before what is found by its name.
 */
export const masks: readonly Mask[] = [
	{
		name: "private keys",
		regex:
			"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
		to: hidden,
		hints: ["PRIVATE KEY"],
	},
	{
		name: "passwords in URLs",
		// To the last @ of the word: an unescaped password may hold one, or a slash.
		regex: `(?i)\\b([a-z][a-z0-9+.-]*://[^\\s:/@"'\\\\]*:)(?:[^\\s"\\\\]|\\\\[^"nrt])+@`,
		to: `\${1}${hidden}@`,
		hints: ["://"],
	},
	{
		name: "JSON web tokens",
		regex: "\\beyJ[\\w-]{8,}\\.[\\w-]+(?:\\.[\\w-]*)?",
		to: hidden,
		hints: ["eyJ"],
	},
	{
		name: "keys by their prefix",
		// The Things Stack, Stack Auth, Supabase, DigitalOcean, Stripe, Docker Swarm.
		regex:
			"\\b(?:NNSXS\\.[A-Z0-9.]+|ssk_\\w+|sb[pa]_\\w+|sb_secret_\\w+|do[opr]_v1_\\w+|[sr]k_(?:live|test)_\\w+|whsec_\\w+|SWMTKN-[\\w-]+)",
		to: hidden,
		hints: ["NNSXS.", "ssk_", "sb", "_v1_", "k_", "whsec_", "SWMTKN-"],
	},
	{
		name: "bcrypt hashes",
		regex: "\\$2[abxy]\\$\\d\\d\\$[./A-Za-z0-9]{53}",
		to: hidden,
		hints: ["$2"],
	},
	{
		name: "bearer tokens",
		regex: "(?i)\\b(bearer\\s+)[\\w.~+/=-]{12,}",
		to: `\${1}${hidden}`,
		hints: ["earer", "EARER"],
	},
	{
		name: "JSON members",
		regex: `(?i)("[^"\\\\]*${key}[^"\\\\]*"\\s*:\\s*)"(?:[^"\\\\]|\\\\.)*"`,
		to: `\${1}"${hidden}"`,
	},
	{
		name: "JSON members with lists",
		regex: `(?i)("[^"\\\\]*${key}[^"\\\\]*"\\s*:\\s*\\[)[^\\]]*\\]`,
		to: `\${1}"${hidden}"]`,
		hints: ["["],
	},
	{
		name: "members of JSON in a JSON string",
		regex: `(?i)(\\\\"[^"\\\\]*${key}[^"\\\\]*\\\\"\\s*:\\s*)\\\\"(?:[^"\\\\]|\\\\\\\\\\\\"|\\\\[^"])*\\\\"`,
		to: `\${1}\\"${hidden}\\"`,
		hints: ['\\"'],
	},
	{
		name: "cookies",
		regex: "(?i)\\b((?:set-)?cookie\\s*:\\s*)[^\"'\\r\\n]+",
		to: `\${1}${hidden}`,
		hints: ["ookie", "OOKIE"],
	},
	{
		name: "headers",
		regex:
			"(?i)\\b((?:proxy-)?authorization|x-[\\w-]*(?:key|token|secret)|pass(?:word|wd|phrase)|secret)(\\s*:\\s*)(?:(?:bearer|basic|digest)\\s+)?[^\\s\"'\\\\,{\\[]+",
		to: `\${1}\${2}${hidden}`,
		hints: [":"],
	},
	{
		name: "members of printed objects",
		regex: `(?i)(${name}\\s*:\\s*)'[^']*'`,
		to: `\${1}'${hidden}'`,
		hints: ["'"],
	},
	{
		name: "quoted values by name",
		regex: `(?i)(${name}\\s*=\\s*)(?:"[^"]*"|'[^']*')`,
		to: `\${1}${hidden}`,
		// In JSON the quote would be the string's own end.
		json: false,
		hints: ["="],
	},
	{
		name: "values by name",
		regex: `(?i)(${name}\\s*=\\s*)(?:\\\\"(?:[^"\\\\]|\\\\[^"])*\\\\"|'[^']*'|(?:[^\\s"'&\\\\]|\\\\[^"nrt])+)`,
		to: `\${1}${hidden}`,
		hints: ["="],
	},
	{
		name: "codes in URLs",
		regex: "(?i)([?&](?:code|otp|key|sig|signature)=)[^\\s\"'&\\\\]+",
		to: `\${1}${hidden}`,
		hints: ["?", "&"],
	},
	{
		name: "e-mail addresses",
		// A JSON string's \n before one is no part of it.
		regex:
			"(?i)(\\\\[nrtbf]|\\\\u[0-9a-f]{4})?[\\p{L}\\p{N}._%+'-]+(?:@|%40)(?:[\\p{L}\\p{N}-]+\\.)+\\p{L}{2,}",
		to: `\${1}${hidden}@${hidden}`,
		hints: ["@", "%40"],
	},
];
