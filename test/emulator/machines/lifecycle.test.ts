import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { Engine } from "./engine";
import { createDockerMachines } from "./index";
import { EMULATOR_LABEL } from "./owner";

describe("Machines in Docker", function () {
	this.timeout(120_000);

	const engine = new Engine();
	/** What the engine holds of the emulator with this process id. */
	async function owned(pid: number): Promise<string[]> {
		const { containers, networks, volumes } = await engine.labelled(
			`${EMULATOR_LABEL}=${pid}`,
		);
		return [...containers, ...networks, ...volumes].map(({ name }) => name);
	}

	it("leave nothing behind when they are closed", async () => {
		const before = await owned(process.pid);
		const machines = await createDockerMachines();
		try {
			await machines.createVpc({ id: "vpc", ipRange: "10.10.10.0/24" });
			await machines.createDroplet({
				id: 1,
				name: "short-lived",
				image: "debian-12-x64",
				vcpus: 1,
				memoryMb: 1024,
				vpcId: "vpc",
				sshKeys: [],
			});
			// Public network, VPC, container and its volume.
			assert.equal((await owned(process.pid)).length, before.length + 4);
		} finally {
			await machines.close();
		}
		assert.deepEqual(await owned(process.pid), before);
	});

	it("share the engine with others, each with a public network of its own", async () => {
		const both = await Promise.all([
			createDockerMachines(),
			createDockerMachines(),
		]);
		try {
			await Promise.all(
				both.map((machines) =>
					machines.createVpc({ id: "vpc", ipRange: "10.10.10.0/24" }),
				),
			);
			const [first, second] = both.map(({ network }) => network.subnet);
			assert.notEqual(first, second);
		} finally {
			await Promise.all(both.map((machines) => machines.close()));
		}
	});

	it("remove what a killed emulator left behind", async () => {
		const { pid } = spawnSync(process.execPath, ["--version"]);
		const labels = { [EMULATOR_LABEL]: String(pid) };
		const name = `cutover-${pid}-left-behind`;
		await engine.createNetwork({ name, labels, mtu: 1400 });
		await engine.createVolume(name, labels);
		assert.equal((await owned(pid)).length, 2);
		const machines = await createDockerMachines();
		try {
			assert.deepEqual(await owned(pid), []);
		} finally {
			await machines.close();
		}
	});

	it("give out addresses from .100 on, again after their release", async () => {
		const machines = await createDockerMachines();
		try {
			const first = await machines.reserveAddress();
			assert.match(first, /\.100$/);
			assert.match(await machines.reserveAddress(), /\.101$/);
			await machines.releaseAddress(first);
			assert.equal(await machines.reserveAddress(), first);
		} finally {
			await machines.close();
		}
	});
});
