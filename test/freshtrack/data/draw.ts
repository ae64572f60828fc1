import { createHash } from "node:crypto";

/**
 * Everything invented is a function of the seed and a name, never of the order
 * of calls, so that a change to one table leaves all others as they were.
 */
export class Draw {
	constructor(readonly seed: string) {}

	/** A UUID of version 4's form. */
	uuid(...name: (string | number)[]): string {
		const hex = this.#digest(name).toString("hex");
		return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
	}

	/** A whole number from 0 up to, not including, `limit`. */
	number(limit: number, ...name: (string | number)[]): number {
		return this.#digest(name).readUInt32BE(0) % limit;
	}

	pick<Value>(values: readonly Value[], ...name: (string | number)[]): Value {
		const value = values[this.number(values.length, ...name)];
		if (value === undefined) throw new RangeError("nothing to pick from");
		return value;
	}

	/** Upper-case hexadecimal digits. */
	hex(digits: number, ...name: (string | number)[]): string {
		return this.#digest(name).toString("hex").slice(0, digits).toUpperCase();
	}

	#digest(name: (string | number)[]): Buffer {
		return createHash("sha256")
			.update(`${this.seed}/${name.join("/")}`)
			.digest();
	}
}
