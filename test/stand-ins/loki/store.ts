import type { Journal } from "./journal";
import type { Found, Lookup } from "./logql/evaluate";
import { type Labels, type Matcher, selects } from "./logql/matcher";
import type { LogQuery } from "./logql/pipeline";
import { keyOf } from "./logql/series";

export interface Entry {
	/** Unix nanoseconds. */
	ns: bigint;
	line: string;
	/** Structured metadata. */
	metadata: Labels;
}

/** Lines of one stream as they were pushed. */
export interface Push {
	labels: Labels;
	entries: Entry[];
}

interface Stream {
	labels: Labels;
	/** Oldest first. */
	entries: Entry[];
}

/** What an entry takes beside its text, roughly. */
const overhead = 300;

/**
 * All lines, in memory; every push is in the journal before it counts as taken. Where
 * they grow beyond `maxBytes` the oldest tenth goes.
 */
export class Store {
	private readonly streams = new Map<string, Stream>();
	private size = 0;

	constructor(
		private readonly maxBytes: number,
		private readonly journal?: Journal,
	) {
		for (const push of journal?.read() ?? []) this.insert(push);
		this.limit();
	}

	/** @throws Error where the journal cannot be written. */
	push(pushes: Push[]): void {
		this.journal?.append(pushes);
		for (const push of pushes) this.insert(push);
		this.limit();
	}

	get streamCount(): number {
		return this.streams.size;
	}

	/** Forgets what is older, on disk as well. @param ns Unix nanoseconds */
	forgetBefore(ns: bigint): void {
		for (const [key, stream] of this.streams) {
			const index = position(stream.entries, ns);
			for (const entry of stream.entries.splice(0, index))
				this.size -= sizeOf(entry);
			if (stream.entries.length === 0) this.streams.delete(key);
		}
		this.journal?.forgetBefore(ns);
	}

	/** Streams with lines in [from, to). */
	select(
		matchers: Matcher[],
		from: bigint,
		to: bigint,
	): { labels: Labels; entries: Entry[] }[] {
		return [...this.streams.values()]
			.filter(({ labels }) => selects(matchers, labels))
			.map(({ labels, entries }) => ({
				labels,
				entries: entries.slice(position(entries, from), position(entries, to)),
			}))
			.filter(({ entries }) => entries.length > 0);
	}

	/** Lines of [from, to) that a pipeline lets through, oldest first. */
	find({ matchers, run }: LogQuery, from: bigint, to: bigint): Found[] {
		return this.select(matchers, from, to)
			.flatMap(({ labels, entries }) =>
				entries.flatMap(({ ns, line, metadata }): Found[] => {
					const own = { ...labels, ...metadata };
					const passing = { text: line, own, labels: { ...own } };
					return run(passing)
						? [{ ns, text: passing.text, labels: passing.labels }]
						: [];
				}),
			)
			.sort((a, b) => (a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0));
	}

	/** As metric queries look up: (from, to]. */
	readonly lookup: Lookup = (log, from, to) =>
		this.find(log, from + 1n, to + 1n);

	/** A line that came twice, as after a lost answer, is one. */
	private insert({ labels, entries }: Push): void {
		const key = keyOf(labels);
		const stream = this.streams.get(key) ?? { labels, entries: [] };
		this.streams.set(key, stream);
		for (const entry of entries) {
			let index = position(stream.entries, entry.ns + 1n);
			const here = index;
			while (stream.entries[index - 1]?.ns === entry.ns) index -= 1;
			if (
				stream.entries
					.slice(index, here)
					.some(({ line }) => line === entry.line)
			)
				continue;
			stream.entries.splice(here, 0, entry);
			this.size += sizeOf(entry);
		}
	}

	private limit(): void {
		if (this.size <= this.maxBytes) return;
		const times = [...this.streams.values()]
			.flatMap(({ entries }) => entries.map(({ ns }) => ns))
			.sort((a, b) => (a < b ? -1 : 1));
		this.forgetBefore(times[Math.ceil(times.length / 10)] ?? 0n);
	}
}

function sizeOf({ line, metadata }: Entry): number {
	return line.length + JSON.stringify(metadata).length + overhead;
}

/** Index of the first entry that is not before `ns`. */
function position(entries: Entry[], ns: bigint): number {
	let [low, high] = [0, entries.length];
	while (low < high) {
		const middle = (low + high) >> 1;
		if ((entries[middle]?.ns ?? 0n) < ns) low = middle + 1;
		else high = middle;
	}
	return low;
}
