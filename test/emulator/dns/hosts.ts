/** Those that serve every zone of an account. */
export const NAME_SERVERS = ["ns1", "ns2", "ns3"].map(
	(name) => `${name}.digitalocean.com`,
);

/** Host names with one address each, answered beside the account's domains. */
export class HostTable {
	readonly #addresses = new Map<string, string>();

	set(name: string, address: string): void {
		this.#addresses.set(name.toLowerCase(), address);
	}

	delete(name: string): void {
		this.#addresses.delete(name.toLowerCase());
	}

	get(name: string): string | undefined {
		return this.#addresses.get(name.toLowerCase());
	}
}
