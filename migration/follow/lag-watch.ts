import type { Client } from "pg";
import type { DatabaseAddress } from "../connection";
import { type Lag, readLag } from "../journal/state";
import { openSession } from "./session";

/**
 * Asks for the lag in a session of its own, as the follower's is busy. Gives null
 * while the database cannot be asked.
 */
export class LagWatch {
	private session: Client | undefined;
	/** One question at a time. */
	private asking: Promise<Lag | null> = Promise.resolve(null);

	constructor(private readonly address: DatabaseAddress) {}

	read(): Promise<Lag | null> {
		this.asking = this.asking.then(() => this.ask());
		return this.asking;
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
