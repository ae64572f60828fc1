import { randomInt } from "node:crypto";

const DIGITS = "0123456789";
const LOWER = "abcdefghijklmnopqrstuvwxyz";
const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/** Special characters of terraform-provider-random, internal/random/string.go. */
const SPECIAL = "!@#$%&*()-_=+[]{}<>:?";

/** What a random text is made of; minimums count characters. */
export interface TextOptions {
	length: number;
	lower: boolean;
	upper: boolean;
	numeric: boolean;
	special: boolean;
	minLower: number;
	minUpper: number;
	minNumeric: number;
	minSpecial: number;
	overrideSpecial?: string | undefined;
}

/**
 * A text drawn from the character sets chosen, with at least the minimum of
 * each, in random order.
 *
 * @throws Error where no character set is left to draw from
 */
export function randomText(options: TextOptions): string {
	const special = options.overrideSpecial || SPECIAL;
	const alphabet = [
		options.upper ? UPPER : "",
		options.lower ? LOWER : "",
		options.numeric ? DIGITS : "",
		options.special ? special : "",
	].join("");
	if (alphabet === "") {
		throw new Error("the character set specified is empty");
	}
	const characters = [
		...draw(DIGITS, options.minNumeric),
		...draw(LOWER, options.minLower),
		...draw(UPPER, options.minUpper),
		...draw(special, options.minSpecial),
	];
	characters.push(...draw(alphabet, options.length - characters.length));
	return shuffle(characters).join("");
}

function draw(alphabet: string, count: number): string[] {
	const characters = [...alphabet];
	return Array.from(
		{ length: Math.max(0, count) },
		() => characters[randomInt(characters.length)] ?? "",
	);
}

/** Fisher–Yates with a cryptographic generator. */
function shuffle<T>(items: T[]): T[] {
	const result = [...items];
	for (let i = result.length - 1; i > 0; i--) {
		const j = randomInt(i + 1);
		[result[i], result[j]] = [result[j] as T, result[i] as T];
	}
	return result;
}
