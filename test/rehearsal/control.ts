import { z } from "zod";
import type { Credentials } from "../../cutover/checks/completion";
import type { Mail } from "../emulator/peers/smtp";
import type { Delivery } from "../emulator/peers/ttn";

/** The emulator's control endpoints: what in real life a person or a sensor does. */
export class Control {
	constructor(private readonly baseUrl: string) {}

	/**
	 * Sends one uplink to wherever the sensor's TTN webhook points.
	 *
	 * @param devEui of a known sensor; some one of them by default
	 */
	async sendUplink(
		celsius: number,
		devEui?: string,
	): Promise<{ status: number; body: string }> {
		const answer = await this.#call("POST", "/ttn/uplink", {
			temperature: celsius,
			...(devEui ? { devEui } : {}),
		});
		return z.object({ status: z.number(), body: z.string() }).parse(answer);
	}

	/** What TTN has tried to deliver so far, oldest first. */
	async deliveries(): Promise<Delivery[]> {
		const { deliveries } = z
			.object({ deliveries: z.array(z.custom<Delivery>()) })
			.parse(await this.#call("GET", "/ttn/deliveries"));
		return deliveries;
	}

	/** Every mail that anybody sent so far, oldest first. */
	async mails(): Promise<Mail[]> {
		const { messages } = z
			.object({ messages: z.array(z.custom<Mail>()) })
			.parse(await this.#call("GET", "/mailbox"));
		return messages;
	}

	async inMailbox(messageId: string): Promise<boolean> {
		return (await this.mails()).some((mail) => mail.messageId === messageId);
	}

	/** Log-ins of the source's made-up users: with a hash that can come along, and without. */
	async logins(): Promise<{ carried: Credentials; reset: Credentials }> {
		const credentials = z.object({ email: z.string(), password: z.string() });
		return z
			.object({ carried: credentials, reset: credentials })
			.parse(await this.#call("GET", "/logins"));
	}

	/** What is left in the emulated account, by kind. */
	async inventory(): Promise<
		Record<string, { count: number; names: string[] }>
	> {
		return z
			.record(
				z.string(),
				z.object({ count: z.number(), names: z.array(z.string()) }),
			)
			.parse(await this.#call("GET", "/inventory"));
	}

	/** What went wrong behind the emulated API's answers. */
	async failures(): Promise<string[]> {
		const { failures } = z
			.object({ failures: z.array(z.unknown()) })
			.parse(await this.#call("GET", "/failures"));
		return failures.map((failure) =>
			typeof failure === "string" ? failure : JSON.stringify(failure),
		);
	}

	async #call(method: string, path: string, body?: unknown): Promise<unknown> {
		const answer = await fetch(`${this.baseUrl}${path}`, {
			method,
			...(body
				? {
						headers: { "content-type": "application/json" },
						body: JSON.stringify(body),
					}
				: {}),
			signal: AbortSignal.timeout(30_000),
		});
		const text = await answer.text();
		if (!answer.ok) {
			throw new Error(`emulator ${method} ${path}: ${answer.status} ${text}`);
		}
		return JSON.parse(text);
	}
}
