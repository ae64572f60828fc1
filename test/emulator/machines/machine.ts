import type { ContainerSpec, Engine } from "./engine";
import {
	addAddressScript,
	bootNetworkScript,
	firewallScript,
	removeAddressScript,
} from "./network-script";
import type { InboundRule, PublicNetwork } from "./types";

/**
 * A container with the network of a machine at DigitalOcean. What is set while
 * it is off holds from its next start. Calls take their turn, so any may be made
 * at any time.
 */
export class Machine {
	readonly #reserved = new Set<string>();
	#inbound: InboundRule[] | null = null;
	#running = false;
	#removed = false;
	#tail: Promise<unknown> = Promise.resolve();

	constructor(
		readonly engine: Engine,
		readonly container: ContainerSpec,
		readonly publicNetwork: PublicNetwork,
		/** Docker's name of the VPC's network, and the address there with its prefix length. */
		readonly vpc: { network: string; address: string },
	) {}

	get name(): string {
		return this.container.name;
	}

	/** Creates and starts the container; `provision` is shell that runs once its network is there. */
	create(provision: string): Promise<void> {
		return this.#inTurn(async () => {
			await this.engine.createContainer(this.container);
			await this.#boot(provision);
		});
	}

	start(provision: string): Promise<void> {
		return this.#inTurn(async () => {
			if (!this.#running) await this.#boot(provision);
		});
	}

	stop(graceSeconds: number): Promise<void> {
		return this.#inTurn(async () => {
			if (!this.#running) return;
			this.#running = false;
			await this.engine.stop(this.name, graceSeconds);
			// Interfaces are numbered in the order that Docker attaches them, and a
			// container with two networks gets them in any order.
			await this.engine.disconnect(this.vpc.network, this.name);
		});
	}

	remove(): Promise<void> {
		return this.#inTurn(async () => {
			this.#running = false;
			this.#removed = true;
			await this.engine.removeContainer(this.name);
		});
	}

	setFirewall(inbound: InboundRule[] | null): Promise<void> {
		return this.#change(() => {
			this.#inbound = inbound;
			return firewallScript(inbound);
		});
	}

	addAddress(ip: string): Promise<void> {
		return this.#change(() => {
			this.#reserved.add(ip);
			return addAddressScript(ip);
		});
	}

	removeAddress(ip: string): Promise<void> {
		return this.#change(() => {
			this.#reserved.delete(ip);
			return removeAddressScript(ip);
		});
	}

	#change(change: () => string): Promise<void> {
		return this.#inTurn(async () => {
			const script = change();
			if (this.#running) await this.engine.runScript(this.name, script);
		});
	}

	async #boot(provision: string): Promise<void> {
		await this.engine.start(this.name);
		await this.engine.connect(this.vpc.network, this.name);
		const network = bootNetworkScript({
			gateway: this.publicNetwork.gateway,
			privateAddress: this.vpc.address,
			reserved: this.#reserved,
			inbound: this.#inbound,
		});
		try {
			await this.engine.runScript(this.name, `${network}\n${provision}`);
		} catch (error) {
			throw new Error(
				`${this.name} did not start: ${(error as Error).message}\n${await this.engine.logs(this.name)}`,
			);
		}
		this.#running = true;
	}

	#inTurn(work: () => Promise<void>): Promise<void> {
		const turn = this.#tail.then(async () => {
			if (this.#removed) return;
			await work();
		});
		this.#tail = turn.catch(() => {});
		return turn;
	}
}
