import {
	appendFileSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
} from "node:fs";
import { join } from "node:path";
import type { Push } from "./store";

/** A file of this size is followed by another one. */
const fileBytes = 4 * 1024 * 1024;

/**
 * Pushes on disk, a line of JSON each, in files that are removed as a whole, when
 * the newest line in them is too old or all files together are too large.
 */
export class Journal {
	private file: string | undefined;
	private next: number;

	/** @param maxBytes of all files together */
	constructor(
		private readonly folder: string,
		private readonly maxBytes: number,
	) {
		mkdirSync(folder, { recursive: true });
		this.next = Number(this.files().at(-1)?.split(".")[0] ?? 0) + 1;
	}

	/** What earlier runs wrote. A line that a kill cut off is left out. */
	*read(): Generator<Push> {
		for (const name of this.files())
			for (const line of readFileSync(join(this.folder, name), "utf8").split(
				"\n",
			)) {
				const push = decode(line);
				if (push) yield push;
			}
	}

	append(pushes: Push[]): void {
		if (this.file === undefined || statSync(this.file).size > fileBytes) {
			this.file = join(
				this.folder,
				`${String(this.next).padStart(8, "0")}.jsonl`,
			);
			this.next += 1;
		}
		appendFileSync(
			this.file,
			pushes.map((push) => `${encode(push)}\n`).join(""),
		);
		const files = this.files();
		while (files.length > 1 && files.length * fileBytes > this.maxBytes)
			this.remove(files.shift());
	}

	/** @param ns Unix nanoseconds */
	forgetBefore(ns: bigint): void {
		for (const name of this.files()) {
			const path = join(this.folder, name);
			if (path === this.file) continue;
			// A line's time is at most that of its push, and so of the file's last change.
			if (BigInt(Math.ceil(statSync(path).mtimeMs)) * 1_000_000n < ns)
				this.remove(name);
		}
	}

	private remove(name: string | undefined): void {
		if (name) rmSync(join(this.folder, name), { force: true });
	}

	private files(): string[] {
		return readdirSync(this.folder)
			.filter((name) => name.endsWith(".jsonl"))
			.sort();
	}
}

function encode({ labels, entries }: Push): string {
	return JSON.stringify([
		labels,
		entries.map(({ ns, line, metadata }) => [String(ns), line, metadata]),
	]);
}

function decode(text: string): Push | undefined {
	try {
		const [labels, entries] = JSON.parse(text) as [
			Push["labels"],
			[string, string, Push["labels"]][],
		];
		return {
			labels,
			entries: entries.map(([ns, line, metadata]) => ({
				ns: BigInt(ns),
				line,
				metadata,
			})),
		};
	} catch {
		return undefined;
	}
}
