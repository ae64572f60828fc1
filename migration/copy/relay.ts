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

/** A message is filled up in pieces of this size. */
const FILLER_BYTES = 64 * 1024;

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
	/** Bytes on the wire, message headers included. */
	readonly bytes: number;
}

/**
 * Streams `COPY … TO STDOUT` of one session into `COPY … FROM STDIN` of another.
 * Either may follow other statements in its text, for instance a BEGIN: that saves
 * their round trips.
 *
 * Both directions frame rows as the same CopyData messages, so the bytes go on as
 * they came; only the messages' headers are looked at, to see the end. Taking each
 * row out of its message and wrapping it again, as pg-copy-streams has to, costs
 * three times the processor time (bench/RESULTS.md). Memory is that of the two
 * sockets' buffers: the source is paused while the target does not take more.
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
		sink.complete(feed.unfinished);
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
 * Streams `COPY … TO STDOUT` of a session into `into`, framed as it comes: see
 * Unframe. Other statements may stand before it. Ends `into`; where that is
 * destroyed before, the session is closed.
 */
export async function readCopy(
	source: ClientBase,
	statement: string,
	into: Writable,
	onBytes: (bytes: number) => void = () => {},
): Promise<Relayed> {
	const feed = new CopyOut(statement, { stream: into }, onBytes);
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

	/**
	 * Fills up a message that was passed on in part. A server that has refused reads
	 * on, and would take the session's next statement for the rest of it.
	 */
	complete(missing: number): void {
		const filler = Buffer.alloc(Math.min(missing, FILLER_BYTES));
		for (let left = missing; left > 0; left -= filler.length)
			this.wire?.stream.write(
				filler.subarray(0, Math.min(left, filler.length)),
			);
	}

	end(): void {
		this.send(COPY_DONE, Buffer.alloc(0));
	}

	fail(reason: string): void {
		this.send(COPY_FAIL, Buffer.from(`${reason}\0`));
	}

	private send(type: number, payload: Buffer): void {
		const header = Buffer.alloc(HEADER_BYTES);
		header[0] = type;
		header.writeUInt32BE(payload.length + 4, 1);
		this.stream?.write(Buffer.concat([header, payload]));
	}
}

/** Where a sending COPY's messages go; undefined once they are no longer wanted. */
interface Sink {
	readonly stream: Writable | undefined;
}

/** The sending COPY: takes the session's bytes before pg's parser while rows come. */
class CopyOut extends CopyQuery {
	bytes = 0;
	private listeners: ((chunk: Buffer) => void)[] = [];
	/** Bytes that lack of the last message that was passed on. */
	unfinished = 0;
	/** Bytes of the current message still to come. */
	private left = 0;
	/** Whether the COPY itself has begun. */
	private started = false;
	/** Whether the current message is of the kind that is passed on. */
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
		// Start of the bytes that are to be passed on.
		let from = this.passing && this.left > 0 ? 0 : -1;
		while (at < chunk.length) {
			if (this.left > 0) {
				const step = Math.min(this.left, chunk.length - at);
				this.left -= step;
				at += step;
				continue;
			}
			const type = chunk[at];
			const data = type === COPY_DATA;
			if (!data && from >= 0) {
				this.pass(chunk.subarray(from, at));
				from = -1;
			}
			if (!data && !this.isSkipped(type)) {
				// CopyDone or an error: pg reads on from here.
				this.giveBack(chunk.subarray(at));
				return;
			}
			if (chunk.length - at < HEADER_BYTES) {
				this.rest = chunk.subarray(at);
				break;
			}
			this.left = chunk.readUInt32BE(at + 1) + 1;
			this.passing = data;
			this.started ||= type === COPY_OUT_RESPONSE;
			if (data && from < 0) from = at;
		}
		if (from >= 0 && at > from) this.pass(chunk.subarray(from, at));
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

	private pass(bytes: Buffer): void {
		this.bytes += bytes.length;
		this.onBytes(bytes.length);
		const from = this.wire?.stream;
		const to = this.sink.stream;
		if (!from || !to || to.destroyed) return;
		// What is passed on ends with a message, or with the bytes that have come.
		this.unfinished = this.left;
		if (to.write(bytes)) return;
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
