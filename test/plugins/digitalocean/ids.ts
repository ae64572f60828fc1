import { randomBytes } from "node:crypto";

/**
 * An id that nothing else has, as the Terraform SDK makes them: the prefix,
 * the time in digits to a tenth of a millisecond, and eight hex digits.
 */
export function uniqueId(prefix: string): string {
	const time = new Date().toISOString().replace(/[^0-9]/g, "");
	return `${prefix}${time}0${randomBytes(4).toString("hex")}`;
}
