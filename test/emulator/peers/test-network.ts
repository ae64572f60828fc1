import { existsSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type Docker from "dockerode";

/** A bridge network for the tests of one file, in place of the emulator's public one. */
export interface TestNetwork {
	name: string;
	subnet: string;
	gateway: string;
	/** The host's interface. */
	bridge: string;
	labels: Record<string, string>;
	/** The address with this last number. */
	address(last: number): string;
	remove(): Promise<void>;
}

/** Takes a subnet of 198.18.64.0/18 (reserved for benchmarks) that this process alone uses. */
export async function createTestNetwork(docker: Docker): Promise<TestNetwork> {
	const prefix = `198.18.${64 + (process.pid % 192)}`;
	const name = `peers-test-${process.pid}-${Date.now()}`;
	const bridge = `pt${process.pid}`;
	const network = await docker.createNetwork({
		Name: name,
		IPAM: {
			Driver: "default",
			Config: [{ Subnet: `${prefix}.0/24`, Gateway: `${prefix}.1` }],
		},
		Labels: { "cutover.emulator": String(process.pid) },
		Options: {
			"com.docker.network.bridge.name": bridge,
			"com.docker.network.driver.mtu": "1400",
		},
	});
	if (!existsSync(`/sys/class/net/${bridge}`) && !networkInterfaces()[bridge]) {
		throw new Error(`Docker made no interface ${bridge} on this host`);
	}
	return {
		name,
		subnet: `${prefix}.0/24`,
		gateway: `${prefix}.1`,
		bridge,
		labels: { "cutover.emulator": String(process.pid) },
		address: (last) => `${prefix}.${last}`,
		remove: () => network.remove(),
	};
}
