import { Transform, type TransformCallback } from "node:stream";

/**
 * Brotli makes a sixth less of blocks of this size than of the 64 KB that a socket
 * gives at a time, and larger ones gain no more.
 */
const BLOCK_BYTES = 512 * 1024;

/** Hands on what comes in larger blocks. */
export class Blocks extends Transform {
	private block = Buffer.allocUnsafe(BLOCK_BYTES);
	private filled = 0;

	override _transform(
		arrived: Buffer,
		_encoding: BufferEncoding,
		done: TransformCallback,
	): void {
		for (let at = 0; at < arrived.length; ) {
			const taken = arrived.copy(this.block, this.filled, at);
			this.filled += taken;
			at += taken;
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
