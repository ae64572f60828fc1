import { createHmac } from "node:crypto";

const STEP_SECONDS = 30;
const DIGITS = 6;

/**
 * The code of that moment (RFC 6238 with SHA-1, 30 s and 6 digits, which both
 * Supabase Auth and Stack Auth use).
 */
export function totp(secret: Buffer, at = Date.now()): string {
	const counter = Buffer.alloc(8);
	counter.writeBigUInt64BE(BigInt(Math.floor(at / 1000 / STEP_SECONDS)));
	const mac = createHmac("sha1", secret).update(counter).digest();
	const offset = (mac.at(-1) ?? 0) & 0xf;
	const number = mac.readUInt32BE(offset) & 0x7fffffff;
	return String(number % 10 ** DIGITS).padStart(DIGITS, "0");
}
