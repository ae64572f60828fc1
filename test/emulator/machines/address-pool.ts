import { formatAddress, parseCidr } from "../addresses";

/** Hands out the single addresses of a block, lowest first. */
export class AddressPool {
	readonly #taken = new Set<string>();
	readonly #first: number;
	readonly #last: number;

	/** Addresses from `first` to `last`, counted from the block's own; both may be negative, from its end. */
	constructor(
		readonly subnet: string,
		first: number,
		last: number,
	) {
		const block = parseCidr(subnet);
		if (!block) throw new Error(`${subnet} is not an IPv4 block`);
		const at = (offset: number) =>
			offset < 0 ? block.last + 1 + offset : block.first + offset;
		this.#first = at(first);
		this.#last = at(last);
	}

	take(): string {
		for (let number = this.#first; number <= this.#last; number += 1) {
			const address = formatAddress(number);
			if (this.#taken.has(address)) continue;
			this.#taken.add(address);
			return address;
		}
		throw new Error(`no address is left in ${this.subnet}`);
	}

	release(address: string): void {
		this.#taken.delete(address);
	}
}
