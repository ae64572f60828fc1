import assert from "node:assert/strict";
import {
	type Flags,
	inWords,
	nextStep,
	noFlags,
	type Position,
	refusal,
	rungs,
} from "../../cutover/rungs";
import type { CheckpointName, Verdict } from "../../cutover/signatures";

const valid: Verdict = { valid: true, until: new Date(0) };
const unsigned: Verdict = {
	valid: false,
	kind: "unsigned",
	reason: "it was never signed",
};

/** The flags up to a rung. */
function upTo(rung: string): Flags {
	const height = rungs.indexOf(rung as keyof Flags);
	const on = rungs.map((each, index) => [each, index <= height]);
	return { ...noFlags, ...Object.fromEntries(on) };
}

describe("the ladder in words", () => {
	it("says each rung that is climbed, in order", () => {
		const words = inWords(upTo("sync"), upTo("dnsSwitch"));
		assert.match(
			words,
			/^from sync to dnsSwitch: \(1\) freeze: .*\(2\) dnsSwitch: /,
		);
	});

	it("says what is undone, from above", () => {
		const words = inWords(upTo("dnsSwitch"), upTo("sync"));
		assert.match(
			words,
			/^from dnsSwitch back to sync: \(1\) dnsSwitch is undone: .*\(2\) freeze is undone: /,
		);
	});

	it("says that nothing of it changes, or that all of it is new", () => {
		assert.match(inWords(upTo("freeze"), upTo("freeze")), /^stays at freeze/);
		assert.match(inWords(undefined, noFlags), /^from nothing to deployed/);
		assert.match(inWords(undefined, upTo("sync")), /^from nothing to sync/);
	});
});

describe("a shut rung", () => {
	it("is open with a valid signature", () => {
		assert.equal(
			refusal("freeze", "production", "production", valid),
			undefined,
		);
	});

	it("names checkpoint, stack, reason and the command that helps", () => {
		const shut = refusal("sync", "production", "staging", unsigned);
		assert.match(
			shut?.expected ?? "",
			/staging-verified signed on stack staging/,
		);
		assert.equal(shut?.found, "it was never signed");
		assert.match(
			shut?.fix ?? "",
			/^npm run checkpoint -- staging-verified -s staging; or pulumi config set cutover:sync false -s production$/,
		);
	});

	it("has another release deployed before it is signed for", () => {
		const verdict: Verdict = { valid: false, kind: "release", reason: "…" };
		assert.match(
			refusal("sync", "production", "staging", verdict)?.fix ?? "",
			/^pulumi up -s staging && npm run checkpoint -- staging-verified -s staging/,
		);
		assert.match(
			refusal("freeze", "production", "production", verdict)?.fix ?? "",
			/^pulumi config set cutover:freeze false -s production && pulumi up -s production && npm run checkpoint/,
		);
	});
});

describe("what comes next", () => {
	function next(
		reached: Flags | undefined,
		signed: CheckpointName[],
		changes: Partial<Position> = {},
	): string {
		const verdict = (name: CheckpointName) =>
			signed.includes(name) ? valid : unsigned;
		return nextStep({
			stack: "production",
			verifiedOn: "staging",
			reached,
			wanted: reached ?? noFlags,
			signed: {
				"staging-verified": verdict("staging-verified"),
				"production-ready": verdict("production-ready"),
				"cutover-complete": verdict("cutover-complete"),
				stabilized: verdict("stabilized"),
			},
			...changes,
		});
	}

	it("is, rung by rung, to sign and then to climb", () => {
		assert.match(next(undefined, []), /pulumi up -s production$/);
		assert.match(
			next(noFlags, []),
			/npm run checkpoint -- staging-verified -s staging$/,
		);
		assert.match(
			next(noFlags, ["staging-verified"]),
			/cutover:sync true -s production/,
		);
		assert.match(next(upTo("sync"), []), /production-ready -s production$/);
		assert.match(
			next(upTo("sync"), ["production-ready"]),
			/cutover:freeze true/,
		);
		assert.match(next(upTo("freeze"), []), /production-ready -s production$/);
		assert.match(
			next(upTo("freeze"), ["production-ready"]),
			/cutover:dnsSwitch true/,
		);
		assert.match(
			next(upTo("dnsSwitch"), []),
			/cutover-complete -s production$/,
		);
		assert.match(
			next(upTo("dnsSwitch"), ["cutover-complete"]),
			/stabilized -s production$/,
		);
		assert.match(
			next(upTo("dnsSwitch"), ["cutover-complete", "stabilized"]),
			/cutover:finalize true/,
		);
		assert.match(next(upTo("finalize"), []), /^nothing/);
	});

	it("is to see through what the last up did not", () => {
		assert.match(
			next(upTo("sync"), [], { wanted: upTo("freeze") }),
			/cutover:freeze is true .*pulumi preview -s production, then pulumi up -s production/,
		);
	});

	it("is, where no signature is asked for, to sync and then to sign", () => {
		const staging = { stack: "staging", verifiedOn: undefined };
		assert.match(next(noFlags, [], staging), /cutover:sync true -s staging/);
		assert.match(
			next(upTo("sync"), [], staging),
			/staging-verified -s staging$/,
		);
		assert.match(
			next(upTo("sync"), ["staging-verified"], staging),
			/cutover:freeze true -s staging/,
		);
	});
});
