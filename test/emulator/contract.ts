import assert from "node:assert/strict";
import { type Emulator, startEmulator } from "./index";
import { InMemoryMachines } from "./memory-machines";
import {
	type DescriptionCheck,
	findDescription,
	loadDescription,
} from "./openapi";

export interface ApiAnswer {
	status: number;
	headers: Headers;
	// biome-ignore lint/suspicious/noExplicitAny: tests read answers as they come over the wire.
	body: any;
}

/**
 * An emulator over in-memory machines and a plain HTTP client for it. Where
 * DigitalOcean's own API description is at hand, every exchange is held against
 * it, and `close` fails on what broke it.
 */
export class Contract {
	/** The smallest request that makes a Droplet. */
	static readonly dropletRequest = {
		name: "web-1",
		region: "nyc3",
		size: "s-1vcpu-1gb",
		image: "debian-12-x64",
	};
	readonly machines: InMemoryMachines;
	readonly emulator: Emulator;
	readonly #violations: string[];

	private constructor(
		machines: InMemoryMachines,
		emulator: Emulator,
		violations: string[],
	) {
		this.machines = machines;
		this.emulator = emulator;
		this.#violations = violations;
	}

	static async start(): Promise<Contract> {
		const machines = new InMemoryMachines();
		const description = officialDescription();
		const violations: string[] = [];
		const emulator = await startEmulator({
			machines,
			onExchange: (exchange) =>
				violations.push(...(description?.violations(exchange) ?? [])),
		});
		return new Contract(machines, emulator, violations);
	}

	async close(): Promise<void> {
		const { failures } = this.emulator.context.state;
		await this.emulator.close();
		assert.deepEqual(failures, []);
		assert.deepEqual(this.#violations, []);
	}

	async call(
		method: string,
		path: string,
		body?: unknown,
		token = this.emulator.token,
	): Promise<ApiAnswer> {
		const response = await fetch(`${this.emulator.url}${path}`, {
			method,
			headers: {
				authorization: `Bearer ${token}`,
				...(body === undefined ? {} : { "content-type": "application/json" }),
			},
			body: body === undefined ? undefined : JSON.stringify(body),
		});
		const text = await response.text();
		return {
			status: response.status,
			headers: response.headers,
			body: text === "" ? undefined : JSON.parse(text),
		};
	}

	/** A call that must answer with this status; gives the body. */
	async expect(
		status: number,
		method: string,
		path: string,
		body?: unknown,
		// biome-ignore lint/suspicious/noExplicitAny: see ApiAnswer.
	): Promise<any> {
		const answer = await this.call(method, path, body);
		assert.equal(
			answer.status,
			status,
			`${method} ${path}: ${JSON.stringify(answer.body)}`,
		);
		return answer.body;
	}

	/** Waits until the work behind all answers is done. */
	async settled(): Promise<void> {
		await this.emulator.context.background.settled();
	}

	/** A Droplet that is active, with its id. */
	async droplet(fields: Record<string, unknown> = {}): Promise<number> {
		const { droplet } = await this.expect(202, "POST", "/v2/droplets", {
			...Contract.dropletRequest,
			...fields,
		});
		await this.settled();
		return droplet.id;
	}
}

/** Read once: it is large, and compiling its schemas takes longer than most tests. */
let loaded: { check: DescriptionCheck | undefined } | undefined;

function officialDescription(): DescriptionCheck | undefined {
	if (!loaded) {
		const file = findDescription();
		loaded = { check: file ? loadDescription(file) : undefined };
	}
	return loaded.check;
}
