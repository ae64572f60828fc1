import type { ClientBase } from "pg";
import { to as copyTo } from "pg-copy-streams";
import { rowDigest } from "./expression";
import type { Place } from "./places";
import type { Side } from "./side";

/** Signature, flags and length of the extension (postgresql.org/docs/current/sql-copy.html). */
const HEADER_BYTES = 19;

/**
 * A row of four fields: count (2), and each field's length (4) with int8, int4,
 * oid (4) and tid (6).
 */
const ROW_BYTES = 2 + (4 + 8) + (4 + 4) + (4 + 4) + (4 + 6);
const DIGEST_AT = 2 + 4;
const SIDE_AT = DIGEST_AT + 8 + 4;
const TABLE_AT = SIDE_AT + 4 + 4;
const PLACE_AT = TABLE_AT + 4 + 4;

/** Enough for sorting in memory what a chunk of a large table holds; else the server uses its disk. */
const SORT_MEMORY = "64MB";

/**
 * The digests of all rows in ascending order, each with the row's place: one
 * read of the sides' tables, sorted by the server, in memory of one network packet.
 */
export class SortedDigests {
	private batch = Buffer.alloc(0);
	private at = 0;
	private readonly packets: AsyncIterator<Buffer>;
	private headerLeft = HEADER_BYTES;

	private constructor(stream: AsyncIterable<Buffer>) {
		this.packets = stream[Symbol.asyncIterator]();
	}

	/** Begins to read; the session is busy until the last row, or until its end. */
	static async read(
		session: ClientBase,
		sides: readonly Side[],
	): Promise<SortedDigests> {
		await session.query(`SET work_mem = '${SORT_MEMORY}'`);
		const selects = sides.map(
			(side, index) => `
				SELECT ${rowDigest(side.columns, side.reference)} AS digest, ${index}::int4 AS side,
					${side.place.table} AS tab, ${side.place.row} AS place
				${side.rows()}`,
		);
		return new SortedDigests(
			session.query(
				copyTo(
					`COPY (SELECT * FROM (${selects.join(" UNION ALL ")}) s ORDER BY digest) TO STDOUT (FORMAT binary)`,
				),
			),
		);
	}

	/** Goes to the next row; false after the last. Waits only where a packet ends. */
	next(): boolean | Promise<boolean> {
		this.at += ROW_BYTES;
		return this.at + ROW_BYTES <= this.batch.length || this.refill();
	}

	/** Below, at or above the other's current digest. */
	compare(other: SortedDigests): number {
		return (
			this.batch.readInt32BE(this.at + DIGEST_AT) -
				other.batch.readInt32BE(other.at + DIGEST_AT) ||
			this.batch.readUInt32BE(this.at + DIGEST_AT + 4) -
				other.batch.readUInt32BE(other.at + DIGEST_AT + 4)
		);
	}

	/** Where the current row lies. */
	place(): Place {
		const { batch, at } = this;
		return {
			side: batch.readInt32BE(at + SIDE_AT),
			table: batch.readUInt32BE(at + TABLE_AT),
			block: batch.readUInt32BE(at + PLACE_AT),
			number: batch.readUInt16BE(at + PLACE_AT + 4),
		};
	}

	private async refill(): Promise<boolean> {
		let rest = this.batch.subarray(this.at);
		while (rest.length < ROW_BYTES) {
			const { done, value } = await this.packets.next();
			if (done) return false;
			const skipped = Math.min(this.headerLeft, value.length);
			this.headerLeft -= skipped;
			rest = Buffer.concat([rest, value.subarray(skipped)]);
		}
		this.batch = rest;
		this.at = 0;
		return true;
	}
}
