import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import type { ClientBase, Connection, Submittable } from "pg";

/** Message types of the protocol (postgresql.org/docs/current/protocol-message-formats.html). */
const COPY_DATA = 0x64;
const COPY_DONE = 0x63;
const COPY_FAIL = 0x66;
const COPY_OUT_RESPONSE = 0x48;
const COMMAND_COMPLETE = 0x43;
const NOTICE = 0x4e;
const PARAMETER_STATUS = 0x53;
const HEADER_BYTES = 5;

/** pg's connection with the parts that its types leave out. */
type Wire = Connection & {
	stream: Socket;
	query(text: string): void;
};

interface Completion {
	readonly text?: string;
}

/** What one COPY brought over. */
export interface Relayed {
	readonly rows: number;
	/** Of the rows in the COPY's format, without the protocol's messages around them. */
	readonly bytes: number;
}

/**
 * Streams `COPY … TO STDOUT` of one session into `COPY … FROM STDIN` of another.
 * Either may follow other statements in its text, for instance a BEGIN: that saves
 * their round trips.
 *
 * A server sends every row in a message of its own. Here the rows of whatever has
 * come at once go on in one message: taking four million messages apart again cost
 * the target a sixth of its processor time. The rows are moved together where they
 * lie; handing each on by itself, as pg-copy-streams has to, costs many times that
 * (bench/RESULTS.md). Memory is that of the two sockets' buffers: the source is
 * paused while the target does not take more.
 *
 * Rejects with the error of the side that failed. When that is the target, the
 * source's session is closed as well: the protocol has no other way to stop a COPY
 * but to read it to its end.
 */
export async function relayCopy(
	source: ClientBase,
	target: ClientBase,
	statements: { readonly out: string; readonly into: string },
	onBytes: (bytes: number) => void = () => {},
): Promise<Relayed> {
	const sink = new CopyIn(statements.into);
	const written = settle(sink.done);
	target.query(sink);
	// Only a COPY that the target has accepted is fed.
	const refused = await Promise.race([sink.ready, written]);
	if (refused) throw refused.error;
	const feed = new CopyOut(statements.out, sink, onBytes);
	const read = settle(feed.done);
	source.query(feed);
	const { error } = await Promise.race([read, written]);
	if (error) {
		feed.abandon();
		sink.fail("the other side failed");
		// Whichever came first is the cause; the other only follows from it.
		await Promise.all([read, written]);
		throw error;
	}
	sink.end();
	const taken = await written;
	if (taken.error) throw taken.error;
	return { rows: taken.rows, bytes: feed.bytes };
}

/**
 * Streams the content of `COPY … TO STDOUT` of a session into `into`: what COPY FROM
 * takes as a file. Other statements may stand before it. Ends `into`; where that is
 * destroyed before, the session is closed.
 */
export async function readCopy(
	source: ClientBase,
	statement: string,
	into: Writable,
	onBytes: (bytes: number) => void = () => {},
): Promise<Relayed> {
	const feed = new CopyOut(
		statement,
		{ stream: into, write: (rows) => into.write(rows) },
		onBytes,
	);
	const closed = () => feed.abandon();
	into.once("close", closed);
	const read = settle(feed.done);
	source.query(feed);
	const { rows, error } = await read;
	into.off("close", closed);
	if (error) {
		into.destroy(error);
		throw error;
	}
	into.end();
	return { rows, bytes: feed.bytes };
}

interface Settled {
	readonly rows: number;
	readonly error?: Error;
}

function settle(promise: Promise<number>): Promise<Settled> {
	return promise.then(
		(rows) => ({ rows }),
		(error: Error) => ({ rows: 0, error }),
	);
}

/** What pg calls on a query of its queue. */
abstract class CopyQuery implements Submittable {
	readonly done: Promise<number>;
	protected wire: Wire | undefined;
	protected resolve!: (rows: number) => void;
	protected reject!: (error: Error) => void;
	private rows = 0;

	constructor(private readonly statement: string) {
		this.done = new Promise((resolve, reject) => {
			this.resolve = resolve;
			this.reject = reject;
		});
	}

	submit(connection: Connection): void {
		this.wire = connection as Wire;
		this.begin(this.wire);
		this.wire.query(this.statement);
	}

	protected begin(_wire: Wire): void {}

	handleCommandComplete({ text }: Completion): void {
		this.rows = Number(/^COPY (\d+)/.exec(text ?? "")?.[1] ?? 0);
	}

	/** pg calls this after an error, too; the promise is settled by then. */
	handleReadyForQuery(): void {
		this.resolve(this.rows);
	}

	handleError(error: Error): void {
		this.reject(error);
	}

	handleCopyInResponse(_connection: Connection): void {}
	handleCopyData(): void {}
}

/** The receiving COPY. */
class CopyIn extends CopyQuery {
	/** Settles once the server waits for rows. */
	readonly ready: Promise<void>;
	private open!: () => void;
	private refused = false;

	constructor(statement: string) {
		super(statement);
		this.ready = new Promise((resolve) => {
			this.open = resolve;
		});
	}

	override handleCopyInResponse(): void {
		this.open();
	}

	override handleError(error: Error): void {
		this.refused = true;
		super.handleError(error);
	}

	/** Where rows go; nothing is sent to a server that has refused. */
	get stream(): Socket | undefined {
		return this.refused ? undefined : this.wire?.stream;
	}

	/** Sends rows, or a part of one: messages need not end where rows do. */
	write(rows: Buffer): boolean {
		return this.send(COPY_DATA, rows);
	}

	end(): void {
		this.send(COPY_DONE, Buffer.alloc(0));
	}

	fail(reason: string): void {
		this.send(COPY_FAIL, Buffer.from(`${reason}\0`));
	}

	private send(type: number, payload: Buffer): boolean {
		const { stream } = this;
		if (!stream || stream.destroyed) return true;
		const header = Buffer.allocUnsafe(HEADER_BYTES);
		header[0] = type;
		header.writeUInt32BE(payload.length + HEADER_BYTES - 1, 1);
		stream.cork();
		stream.write(header);
		const more = stream.write(payload);
		stream.uncork();
		return more;
	}
}

/** Where a sending COPY's rows go. */
interface Sink {
	/** Undefined once rows are no longer wanted. */
	readonly stream: Writable | undefined;
	/** Takes rows; false where it wants to drain before it takes more. */
	write(rows: Buffer): boolean;
}

/** The sending COPY: takes the session's bytes before pg's parser while rows come. */
class CopyOut extends CopyQuery {
	bytes = 0;
	private listeners: ((chunk: Buffer) => void)[] = [];
	/** Bytes of the current message still to come. */
	private left = 0;
	/** Whether the COPY itself has begun. */
	private started = false;
	/** Whether the current message holds rows. */
	private passing = false;
	/** Start of a header that a chunk's end cut. */
	private rest: Buffer | undefined;

	constructor(
		statement: string,
		private readonly sink: Sink,
		private readonly onBytes: (bytes: number) => void,
	) {
		super(statement);
	}

	/** Ends the session, where the COPY is still under way. */
	abandon(): void {
		if (this.listeners.length > 0) this.wire?.stream.destroy();
	}

	protected override begin({ stream }: Wire): void {
		this.listeners = stream.listeners("data") as typeof this.listeners;
		stream.removeAllListeners("data");
		stream.on("data", this.take);
	}

	override handleError(error: Error): void {
		this.giveBack(undefined);
		super.handleError(error);
	}

	private readonly take = (arrived: Buffer): void => {
		const chunk = this.rest ? Buffer.concat([this.rest, arrived]) : arrived;
		this.rest = undefined;
		let at = 0;
		/** So many bytes of rows lie together at the chunk's start. */
		let kept = 0;
		while (at < chunk.length) {
			if (this.left === 0) {
				const type = chunk[at];
				if (type !== COPY_DATA && !this.isSkipped(type)) {
					// CopyDone or an error: pg reads on from here.
					this.pass(chunk.subarray(0, kept));
					this.giveBack(chunk.subarray(at));
					return;
				}
				if (chunk.length - at < HEADER_BYTES) {
					this.rest = chunk.subarray(at);
					break;
				}
				// The length counts itself, but not the type.
				this.left = chunk.readUInt32BE(at + 1) + 1 - HEADER_BYTES;
				this.passing = type === COPY_DATA;
				this.started ||= type === COPY_OUT_RESPONSE;
				at += HEADER_BYTES;
			}
			const step = Math.min(this.left, chunk.length - at);
			if (this.passing) {
				if (kept < at) chunk.copyWithin(kept, at, at + step);
				kept += step;
			}
			this.left -= step;
			at += step;
		}
		this.pass(chunk.subarray(0, kept));
	};

	/** Statements before the COPY complete first; notices may come between rows. */
	private isSkipped(type: number | undefined): boolean {
		return (
			type === COPY_OUT_RESPONSE ||
			type === NOTICE ||
			type === PARAMETER_STATUS ||
			(type === COMMAND_COMPLETE && !this.started)
		);
	}

	private pass(rows: Buffer): void {
		if (rows.length === 0) return;
		this.bytes += rows.length;
		this.onBytes(rows.length);
		const from = this.wire?.stream;
		const to = this.sink.stream;
		if (!from || !to || to.destroyed || this.sink.write(rows)) return;
		from.pause();
		to.once("drain", () => from.resume());
	}

	private giveBack(bytes: Buffer | undefined): void {
		const stream = this.wire?.stream;
		if (!stream || this.listeners.length === 0) return;
		stream.off("data", this.take);
		const listeners = this.listeners;
		this.listeners = [];
		for (const listener of listeners) stream.on("data", listener);
		if (bytes) for (const listener of listeners) listener(bytes);
		stream.resume();
	}
}
