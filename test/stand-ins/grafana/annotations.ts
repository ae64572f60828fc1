import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const milliseconds = z.int().nonnegative();

const fields = {
	dashboardUID: z.string().optional(),
	panelId: z.int().optional(),
	time: milliseconds,
	timeEnd: milliseconds,
	tags: z.array(z.string().min(1)),
	text: z.string().min(1, "text field should not be empty"),
};

/** What a client may send for a new one; times are 0 where none is given. */
const posted = z.strictObject({
	...fields,
	time: milliseconds.default(0),
	timeEnd: milliseconds.default(0),
	tags: fields.tags.default([]),
});
const patched = z.strictObject(fields).partial();
const stored = z.array(z.object({ id: z.int(), ...fields }));

export type Annotation = z.infer<typeof stored>[number];

/** Of what happened, which overlays the panels; kept in one file. */
export class Annotations {
	private list: Annotation[];
	private readonly file: string;

	constructor(folder: string) {
		this.file = join(folder, "annotations.json");
		this.list = existsSync(this.file)
			? stored.parse(JSON.parse(readFileSync(this.file, "utf8")))
			: [];
	}

	/** @throws z.ZodError for what is no annotation. */
	add(body: unknown): number {
		const { time, timeEnd, ...given } = posted.parse(body);
		const begin = time || Date.now();
		const id = Math.max(0, ...this.list.map((each) => each.id)) + 1;
		this.write([
			...this.list,
			{ id, ...given, time: begin, timeEnd: Math.max(begin, timeEnd) },
		]);
		return id;
	}

	find(id: number): Annotation | undefined {
		return this.list.find((each) => each.id === id);
	}

	/** @throws z.ZodError for what is no part of an annotation. */
	change(id: number, body: unknown): void {
		const change = patched.parse(body);
		this.write(
			this.list.map((each) => (each.id === id ? { ...each, ...change } : each)),
		);
	}

	remove(id: number): void {
		this.write(this.list.filter((each) => each.id !== id));
	}

	/** The newest first; those that touch the time and have the tags, all or any of them. */
	search(query: {
		from: number;
		to: number;
		tags: string[];
		matchAny: boolean;
		limit: number;
	}): Annotation[] {
		const { from, to, tags, matchAny, limit } = query;
		return this.list
			.filter(({ time, timeEnd }) => time <= to && timeEnd >= from)
			.filter(
				(each) =>
					tags.length === 0 ||
					tags[matchAny ? "some" : "every"]((tag) => each.tags.includes(tag)),
			)
			.sort((a, b) => b.time - a.time)
			.slice(0, limit);
	}

	private write(list: Annotation[]): void {
		writeFileSync(`${this.file}.new`, JSON.stringify(list));
		// Renamed, so that a kill never leaves half a file.
		renameSync(`${this.file}.new`, this.file);
		this.list = list;
	}
}
