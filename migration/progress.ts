/** What a step has done so far, and what it will have done at its end. */
interface Amount {
	readonly rows: number;
	readonly bytes: number;
	/** Estimates; 0 where nothing is known. */
	readonly totalBytes: number;
}

const BAR_WIDTH = 24;
const TERMINAL_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 5000;

/**
 * Progress of a copy on standard error: a bar on a terminal, else a plain line
 * every few seconds, with rows/s, bytes/s and the time left.
 */
export class Progress {
	private readonly startedAt = performance.now();
	private readonly terminal = process.stderr.isTTY === true;
	private readonly timer: NodeJS.Timeout;
	private rows = 0;
	private bytes = 0;
	private doing = "";

	constructor(
		private readonly title: string,
		private totalBytes: number,
	) {
		this.timer = setInterval(
			() => this.print(),
			this.terminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS,
		);
		this.timer.unref();
	}

	/** Names what is being done now, for instance the table. */
	at(doing: string): void {
		this.doing = doing;
	}

	add(amount: { rows?: number; bytes?: number }): void {
		this.rows += amount.rows ?? 0;
		this.bytes += amount.bytes ?? 0;
	}

	/** Replaces an estimate by the bytes there really were. */
	settle(estimated: number, actual: number): void {
		this.totalBytes += actual - estimated;
	}

	/** What has been done so far. */
	amount(): Amount {
		return {
			rows: this.rows,
			bytes: this.bytes,
			totalBytes: this.totalBytes,
		};
	}

	/** Prints the last line and stops. */
	end(): void {
		clearInterval(this.timer);
		this.doing = "";
		this.print();
		if (this.terminal) process.stderr.write("\n");
	}

	private print(): void {
		const line = progressLine(
			this.amount(),
			(performance.now() - this.startedAt) / 1000,
		);
		const text = `${this.title}: ${line}${this.doing && `  ${this.doing}`}`;
		process.stderr.write(this.terminal ? `\r\x1b[2K${text}` : `${text}\n`);
	}
}

/** One line: bar where the total is known, amounts, rates, time left. */
export function progressLine(amount: Amount, seconds: number): string {
	const elapsed = Math.max(seconds, 0.001);
	const done =
		amount.totalBytes > 0
			? Math.min(amount.bytes / amount.totalBytes, 1)
			: undefined;
	const parts = [
		`${count(amount.rows)} rows (${count(amount.rows / elapsed)}/s)`,
		`${size(amount.bytes)} (${size(amount.bytes / elapsed)}/s)`,
	];
	if (done === undefined) return parts.join(", ");
	const filled = Math.round(done * BAR_WIDTH);
	const bar = "#".repeat(filled) + ".".repeat(BAR_WIDTH - filled);
	if (done > 0 && done < 1)
		parts.push(`${Math.ceil(elapsed / done - elapsed)} s left`);
	return `[${bar}] ${Math.floor(done * 100)} %  ${parts.join(", ")}`;
}

/** A whole number for people: 1,234,567. By hand, as a locale takes 12 ms to load. */
export function count(value: number): string {
	return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Bytes for people, in decimal units. */
export function size(bytes: number): string {
	const units = ["B", "kB", "MB", "GB", "TB"];
	const power = Math.min(
		Math.floor(Math.log10(Math.max(bytes, 1)) / 3),
		units.length - 1,
	);
	const value = bytes / 1000 ** power;
	return `${power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}
