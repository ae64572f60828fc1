import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "pg";
import type { DatabaseAddress } from "../connection";
import { type Lag, readLag } from "../journal/state";
import { openSession } from "./session";

/**
 * Nobody waits longer for an answer: a health check, which gives a service of this
 * project 5 s, must not take a database that is silent for a follower that hangs.
 */
const PATIENCE_MS = 3000;

/**
 * Asks for the lag in a session of its own, as the follower's is busy. Gives null
 * while the database cannot be asked or does not answer.
 */
export class LagWatch {
	private session: Client | undefined;
	/** One question at a time, whoever asks meanwhile. */
	private asking: Promise<Lag | null> | undefined;

	constructor(private readonly address: DatabaseAddress) {}

	read(): Promise<Lag | null> {
		this.asking ??= this.ask().finally(() => {
			this.asking = undefined;
		});
		return Promise.race([
			this.asking,
			pause(PATIENCE_MS, null, { ref: false }),
		]);
	}

	async close(): Promise<void> {
		await this.asking;
		await this.session?.end().catch(() => {});
		this.session = undefined;
	}

	private async ask(): Promise<Lag | null> {
		try {
			this.session ??= await openSession(this.address);
			return await readLag(this.session);
		} catch {
			await this.session?.end().catch(() => {});
			this.session = undefined;
			return null;
		}
	}
}
