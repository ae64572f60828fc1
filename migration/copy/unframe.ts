import { Transform, type TransformCallback } from "node:stream";

/** Type and length of a CopyData message. */
const HEADER_BYTES = 5;

/**
 * Rows leave in blocks of this size: Brotli makes a sixth less of them than of the
 * 64 KB that a socket gives at a time, and larger ones gain no more.
 */
const BLOCK_BYTES = 512 * 1024;

/**
 * Takes the rows out of their CopyData messages: what is left is the content of a
 * file that COPY FROM takes. A stream that hands on each row by itself costs more
 * than all else that an export does.
 */
export class Unframe extends Transform {
	private block = Buffer.allocUnsafe(BLOCK_BYTES);
	private filled = 0;
	/** Bytes of the current message still to come. */
	private left = 0;
	/** Start of a header that a chunk's end cut. */
	private rest: Buffer | undefined;

	override _transform(
		arrived: Buffer,
		_encoding: BufferEncoding,
		done: TransformCallback,
	): void {
		const chunk = this.rest ? Buffer.concat([this.rest, arrived]) : arrived;
		this.rest = undefined;
		let at = 0;
		while (at < chunk.length) {
			if (this.left === 0) {
				if (chunk.length - at < HEADER_BYTES) {
					this.rest = Buffer.from(chunk.subarray(at));
					break;
				}
				// The length counts itself, but not the type.
				this.left = chunk.readUInt32BE(at + 1) + 1 - HEADER_BYTES;
				at += HEADER_BYTES;
			}
			const step = Math.min(
				this.left,
				chunk.length - at,
				BLOCK_BYTES - this.filled,
			);
			chunk.copy(this.block, this.filled, at, at + step);
			this.left -= step;
			this.filled += step;
			at += step;
			if (this.filled === BLOCK_BYTES) this.handOn();
		}
		done();
	}

	override _flush(done: TransformCallback): void {
		this.handOn();
		done();
	}

	private handOn(): void {
		if (this.filled > 0) this.push(this.block.subarray(0, this.filled));
		this.block = Buffer.allocUnsafe(BLOCK_BYTES);
		this.filled = 0;
	}
}
