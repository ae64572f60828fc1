import assert from "node:assert/strict";
import {
	type CheckpointName,
	judge,
	type Seen,
	sha256,
	signatures,
} from "../../cutover/signatures";

const hour = 3_600_000;
const signedAt = "2026-05-01T12:00:00.000Z";
const release = "0123456789ab";
const head = {
	checkpoint: "production-ready",
	stack: "production",
	person: "Ada",
	signedAt,
	release,
};
const evidence = JSON.stringify({ ...head, checks: [] });
const signed = {
	person: "Ada",
	signedAt,
	release,
	sha256: sha256(evidence),
};

function seen(changes: Partial<Seen> = {}, hoursLater = 1): Seen {
	const now = new Date(Date.parse(signedAt) + hoursLater * hour);
	return { stack: "production", now, release, evidence, ...changes };
}

function reason(
	signature: typeof signed | undefined,
	against: Seen,
	checkpoint: CheckpointName = "production-ready",
): string {
	const verdict = judge(checkpoint, signature, against);
	return verdict.valid ? "valid" : `${verdict.kind}: ${verdict.reason}`;
}

describe("a signature", () => {
	it("holds on its stack, for its release, with its evidence, within its age", () => {
		assert.deepEqual(judge("production-ready", signed, seen()), {
			valid: true,
			until: new Date("2026-05-02T12:00:00.000Z"),
		});
	});

	it("that was never given is none", () => {
		assert.match(reason(undefined, seen()), /^unsigned: it was never signed/);
	});

	it("is void past its age, each checkpoint's own", () => {
		const ages: [CheckpointName, number][] = [
			["production-ready", 24],
			["staging-verified", 7 * 24],
			["cutover-complete", 7 * 24],
			["stabilized", 7 * 24],
		];
		for (const [checkpoint, hours] of ages) {
			const text = JSON.stringify({ ...head, checkpoint });
			const mine = { ...signed, sha256: sha256(text) };
			const at = (later: number) =>
				reason(mine, seen({ evidence: text }, later), checkpoint);
			assert.equal(at(hours), "valid", checkpoint);
			assert.match(at(hours + 0.01), /^stale: signed by Ada .* it holds/);
		}
	});

	it("is void where it was given in the future", () => {
		assert.match(reason(signed, seen({}, -1)), /^stale: .*still to come/);
	});

	it("is void for another release, naming both", () => {
		assert.match(
			reason(signed, seen({ release: "ba9876543210" })),
			/^release: .*for release 0123456789ab, and this is release ba9876543210/,
		);
	});

	it("is void without its evidence, or with it changed by a blank", () => {
		assert.match(
			reason(signed, seen({ evidence: undefined })),
			/^evidence: .*production-ready\.json is not there/,
		);
		assert.match(
			reason(signed, seen({ evidence: `${evidence} ` })),
			/^evidence: .*was changed since/,
		);
	});

	it("is void when it was copied from another stack or checkpoint, evidence and all", () => {
		assert.match(
			reason(signed, seen({ stack: "staging" })),
			/evidence of production-ready on stack production/,
		);
		assert.match(
			reason(signed, seen(), "stabilized"),
			/stabilized\.json is evidence of production-ready/,
		);
	});

	it("is void where the configuration says other than the evidence", () => {
		for (const change of [
			{ person: "Eve" },
			{ signedAt: "2026-05-01T12:30:00.000Z" },
		])
			assert.match(
				reason({ ...signed, ...change }, seen()),
				new RegExp(`${Object.keys(change)[0]} in the stack's configuration`),
			);
	});

	it("is void where the evidence is none", () => {
		const text = "no JSON";
		assert.match(
			reason({ ...signed, sha256: sha256(text) }, seen({ evidence: text })),
			/evidence of nothing/,
		);
	});

	it("is read also where Pulumi made numbers of its texts", () => {
		const given = {
			"production-ready": { ...signed, release: 123456789012, person: 7 },
		};
		assert.deepEqual(signatures.parse(given), {
			"production-ready": { ...signed, release: "123456789012", person: "7" },
		});
	});
});
