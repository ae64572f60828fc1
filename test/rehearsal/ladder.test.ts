import assert from "node:assert/strict";
import { join } from "node:path";
import { clockOffsetSeconds, moveClock } from "../../cutover/clock";
import { addressRecords } from "../../cutover/dns";
import { checkpointNames } from "../../cutover/signatures";
import { uplinkIsBrought } from "./new-system";
import { prepare } from "./prepare";
import { Recorder } from "./recorder";
import type { Rehearsal } from "./rehearsal";
import { destroyWatched, restoresEqual } from "./return";
import { Lifetime, takeDown } from "./state";

/**
 * `pulumi up` and `pulumi destroy` ended with kill -9 in each phase, and a destroy
 * at the rungs that the rehearsal does not destroy at. What a killed run started
 * goes on behind its back, as it would in a real night; the next run converges.
 * On the stack that asks for no signatures.
 */
describe("the ladder", function () {
	this.timeout(10 * 60_000);
	const checkout = join(__dirname, "..", "..");
	const home = process.cwd();
	const lifetime = new Lifetime();
	let rehearsal: Rehearsal;

	before(async () => {
		await takeDown();
		await lifetime.begin();
		const recorder = new Recorder(checkpointNames);
		({ rehearsal } = await prepare(checkout, recorder, lifetime));
	});
	afterEach(async function () {
		if (this.currentTest?.state !== "failed") return;
		for (const failure of await rehearsal.control.failures())
			process.stderr.write(`emulator: ${failure}\n`);
	});
	after(async () => {
		moveClock(-clockOffsetSeconds());
		process.chdir(home);
		await lifetime.end();
	});

	const flags = async (values: Record<string, boolean>) => {
		for (const [flag, value] of Object.entries(values))
			await rehearsal.staging.set(flag, String(value));
	};
	const up = async () => {
		await rehearsal.staging.up();
		await rehearsal.readSite("staging");
	};
	/** Killed at the line, then once more to its end; a third run has nothing to do. */
	const upAfterKill = async (at: RegExp) => {
		await rehearsal.staging.killed("up", at);
		await up();
		const { changes } = await rehearsal.staging.up();
		assert.deepEqual(Object.keys(changes), ["unchanged"]);
	};
	/** One uplink by whichever webhook TTN holds; gives the reading that it became. */
	const uplink = async () => {
		const { status, body } = await rehearsal.control.sendUplink(3.5);
		assert.equal(status, 200, body);
		return (JSON.parse(body) as { readingId: string }).readingId;
	};
	const site = () => rehearsal.site("staging");
	const answer = async () => {
		const { domain } = site().outputs;
		const [name] = await addressRecords(domain, [domain]);
		return name?.addresses;
	};
	/** As before everything: names, writes, and an export that is worth its name. */
	const returned = async () => {
		await destroyWatched(rehearsal, "staging");
		await rehearsal.oldSystem.isItselfAgain();
		await uplink();
		await restoresEqual("staging");
	};

	it("killed while the new home is made", async () => {
		await upAfterKill(/database-cluster creating/);
	});

	it("destroyed at the rung deployed", returned);

	it("killed in the copy", async () => {
		await flags({ sync: true });
		await upAfterKill(/migration-sync creating/);
		await uplinkIsBrought(rehearsal, "staging");
	});

	it("killed behind the barrier", async () => {
		await flags({ freeze: true });
		await upAfterKill(/migration-freeze creating/);
		await rehearsal.oldSystem.refusesWrites();
	});

	it("destroyed at the rung freeze", returned);

	it("killed in the switch", async () => {
		await flags({ sync: true, freeze: false });
		await up();
		// The TTL has to have been low for 48 hours.
		moveClock(49 * 3_600);
		await flags({ freeze: true, dnsSwitch: true });
		await upAfterKill(/switch updating/);
		assert.deepEqual(await answer(), [site().outputs.reservedIp]);
		await rehearsal.oldSystem.refusesWrites();
	});

	it("killed in the return: what was written since the switch is in the old system", async () => {
		const reading = await uplink();
		await flags({ freeze: false, dnsSwitch: false });
		await upAfterKill(/switch updating/);
		assert.deepEqual(await answer(), [site().outputs.legacyAddress]);
		assert.equal(await rehearsal.oldSystem.hasReading(reading), true);
		await uplinkIsBrought(rehearsal, "staging");
	});

	it("killed in the destroy at the rung dnsSwitch, then destroyed", async () => {
		await flags({ freeze: true, dnsSwitch: true });
		await up();
		const reading = await uplink();
		await rehearsal.staging.killed("destroy", /rollback deleting/);
		await returned();
		assert.equal(await rehearsal.oldSystem.hasReading(reading), true);
	});
});
