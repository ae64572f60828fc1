/** A field of a message: its number, and its value by its wire type. */
export type Field =
	| { number: number; kind: "varint"; value: bigint }
	| { number: number; kind: "fixed64"; value: Buffer }
	| { number: number; kind: "bytes"; value: Buffer }
	| { number: number; kind: "fixed32"; value: Buffer };

/**
 * The fields of a message in protobuf's wire format, in order.
 * protobuf.dev/programming-guides/encoding
 *
 * @throws RangeError where the bytes are no message.
 */
export function* fields(message: Buffer): Generator<Field> {
	let at = 0;
	const varint = () => {
		let [value, shift] = [0n, 0n];
		for (;;) {
			const byte = message.readUInt8(at);
			at += 1;
			value |= BigInt(byte & 0x7f) << shift;
			if (byte < 0x80) return value;
			shift += 7n;
			if (shift > 63n) throw new RangeError("a number of more than 64 bits");
		}
	};
	const take = (length: number) => {
		if (at + length > message.length)
			throw new RangeError("a field that ends behind its message");
		at += length;
		return message.subarray(at - length, at);
	};
	while (at < message.length) {
		const tag = Number(varint());
		const number = tag >> 3;
		switch (tag & 7) {
			case 0:
				yield { number, kind: "varint", value: varint() };
				break;
			case 1:
				yield { number, kind: "fixed64", value: take(8) };
				break;
			case 2:
				yield { number, kind: "bytes", value: take(Number(varint())) };
				break;
			case 5:
				yield { number, kind: "fixed32", value: take(4) };
				break;
			default:
				throw new RangeError(`wire type ${tag & 7}`);
		}
	}
}
