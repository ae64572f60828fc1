/** IPv4 blocks as numbers: the arithmetic that networks and firewalls need. */
export interface Cidr {
	first: number;
	last: number;
	bits: number;
}

/** Reads "10.0.0.0/20", or an address alone as a block of one; undefined when it is neither. */
export function parseCidr(text: string): Cidr | undefined {
	const [address, length, ...rest] = text.split("/");
	const parts = (address ?? "").split(".").map((part) => Number(part));
	const bits = length === undefined ? 32 : Number(length);
	if (
		rest.length > 0 ||
		length === "" ||
		!/^\d+(\.\d+){3}$/.test(address ?? "") ||
		parts.some((part) => part > 255) ||
		!Number.isInteger(bits) ||
		bits < 0 ||
		bits > 32
	)
		return undefined;
	const number = parts.reduce((sum, part) => sum * 256 + part, 0);
	const size = 2 ** (32 - bits);
	const first = Math.floor(number / size) * size;
	return { first, last: first + size - 1, bits };
}

export const overlaps = (a: Cidr, b: Cidr): boolean =>
	a.first <= b.last && b.first <= a.last;

export const contains = (outer: Cidr, inner: Cidr): boolean =>
	outer.first <= inner.first && inner.last <= outer.last;

export const formatAddress = (number: number): string =>
	[24, 16, 8, 0]
		.map((shift) => Math.floor(number / 2 ** shift) % 256)
		.join(".");

export const formatCidr = (cidr: Cidr): string =>
	`${formatAddress(cidr.first)}/${cidr.bits}`;

export const netmask = (cidr: Cidr): string =>
	formatAddress(2 ** 32 - 2 ** (32 - cidr.bits));
