import { writeFileSync } from "node:fs";

/** A step that takes longer says from time to time that it is still at work. */
const STILL_MS = 20_000;

/**
 * Prints every step of set-up with its time and where the part came from, and
 * keeps the provenance for the rehearsal's summary. All goes to standard error:
 * `npm run emulator -- --json` keeps standard output for its one line.
 */
export class Report {
	/** @type {Record<string, {source: string, version?: string, detail?: string}>} */
	provenance = {};

	/** @param {(line: string) => void} [print] */
	constructor(print = (line) => process.stderr.write(`${line}\n`)) {
		this.print = print;
	}

	/**
	 * Runs one step. What it gives is printed: `source` is official, built,
	 * stand-in or found; `parts` enter the provenance.
	 * @template {{source?: string, version?: string, detail?: string, parts?: Record<string, object>}} T
	 * @param {string} name
	 * @param {() => Promise<T>} work
	 * @returns {Promise<T>}
	 */
	async step(name, work) {
		const started = Date.now();
		const still = setInterval(
			() => this.print(line("…", name, started, "", "still at work")),
			STILL_MS,
		);
		try {
			const result = await work();
			Object.assign(this.provenance, result.parts);
			const detail = [result.version, result.detail].filter(Boolean).join(", ");
			this.print(line("✓", name, started, result.source ?? "", detail));
			return result;
		} catch (error) {
			this.print(line("✗", name, started, "", "failed"));
			throw error;
		} finally {
			clearInterval(still);
		}
	}

	/** Writes the provenance as JSON. @param {string} file */
	writeProvenance(file) {
		writeFileSync(file, `${JSON.stringify(this.provenance, null, "\t")}\n`);
	}
}

function line(mark, name, started, source, detail) {
	const seconds = ((Date.now() - started) / 1000).toFixed(1).padStart(6);
	return `  ${mark} ${name.padEnd(36)}${seconds} s  ${source.padEnd(9)} ${detail}`.trimEnd();
}
