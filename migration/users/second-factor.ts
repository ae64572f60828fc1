import type { SourceFactor } from "./source";

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BITS_A_DIGIT = 5;

/** A user's second factor as the new system is to have it. */
export interface SecondFactor {
	/** null where there is none to carry. */
	readonly totpSecretBase64: string | null;
	/** What a person should know. */
	readonly remarks: readonly string[];
}

/**
 * Chooses among the factors of a user, the last used first. Stack Auth knows one
 * secret a user, and codes of SHA-1, 30 s and 6 digits, which are Supabase Auth's
 * too. A factor that was never verified was never in force, so it stays behind;
 * phones and passkeys have no counterpart.
 */
export function secondFactor(factors: readonly SourceFactor[]): SecondFactor {
	const remarks: string[] = [];
	let secret: string | null = null;
	for (const { type, verified, secret: text } of factors) {
		if (!verified)
			remarks.push(`${type} factor left behind: it was never verified`);
		else if (type !== "totp")
			remarks.push(
				`${type} factor left behind: Stack Auth has none of this kind`,
			);
		else if (secret !== null)
			remarks.push("further totp factor left behind: only the last used moves");
		else {
			secret = base64OfBase32(text ?? "");
			if (secret === null)
				remarks.push(
					"totp factor left behind: its secret is encrypted or malformed",
				);
		}
	}
	if (secret === null && factors.some(({ verified }) => verified))
		remarks.push("logs in without a second factor until a new one is set up");
	return { totpSecretBase64: secret, remarks };
}

/** Base 32 (RFC 4648, padding optional) as base 64; null where it is none. */
export function base64OfBase32(text: string): string | null {
	const digits = text.toUpperCase().replace(/=+$/, "");
	if (!/^[A-Z2-7]{2,}$/.test(digits)) return null;
	const bytes: number[] = [];
	let bits = 0;
	let value = 0;
	for (const digit of digits) {
		value = (value << BITS_A_DIGIT) | BASE32.indexOf(digit);
		bits += BITS_A_DIGIT;
		if (bits >= 8) {
			bits -= 8;
			bytes.push((value >> bits) & 0xff);
			value &= (1 << bits) - 1;
		}
	}
	return Buffer.from(bytes).toString("base64");
}
