import { randomUUID } from "node:crypto";
import type { Clock } from "./clock";
import type { HostTable } from "./dns/hosts";
import type { Machines } from "./machines/types";
import type { State } from "./state";

/** What every part of the emulated API works on. */
export interface Context {
	state: State;
	machines: Machines;
	clock: Clock;
	/** Names outside of the account's domains: the database clusters' hosts. */
	hosts: HostTable;
	ids: Identifiers;
	/** Work that goes on after the answer; the emulator waits for it at its end. */
	background: Background;
	/** Puts the work on one machine in order. */
	queues: Queues;
	/** The bearer token that is accepted. */
	token: string;
}

/** Numbers as DigitalOcean gives them: rising, and no two kinds share one. */
export class Identifiers {
	#last = 400_000_000;

	number(): number {
		this.#last += 1;
		return this.#last;
	}

	uuid(): string {
		return randomUUID();
	}
}

/**
 * Runs work behind an answer. A failure is recorded in the account's failures
 * (seen at /_emulator/failures), written to standard error, and told to `onError`.
 */
export class Background {
	readonly #running = new Set<Promise<void>>();
	readonly #failures: string[];

	constructor(failures: string[]) {
		this.#failures = failures;
	}

	run(
		what: string,
		work: () => Promise<void>,
		onError: () => void = () => {},
	): void {
		const promise: Promise<void> = work()
			.catch((error: unknown) => {
				const failure = `${what}: ${error instanceof Error ? error.message : error}`;
				this.#failures.push(failure);
				process.stderr.write(`${failure}\n`);
				onError();
			})
			.finally(() => this.#running.delete(promise));
		this.#running.add(promise);
	}

	/** Resolves when no work is left, that which finishing work starts included. */
	async settled(): Promise<void> {
		while (this.#running.size > 0) await Promise.all(this.#running);
	}
}

/** Runs work on the same key one after the other, in the order it was asked for. */
export class Queues {
	readonly #tails = new Map<string, Promise<unknown>>();

	run<T>(key: string, work: () => Promise<T>): Promise<T> {
		const tail = this.#tails.get(key) ?? Promise.resolve();
		const result = tail.then(work, work);
		this.#tails.set(key, result);
		const forget = () => {
			if (this.#tails.get(key) === result) this.#tails.delete(key);
		};
		result.then(forget, forget);
		return result;
	}
}
