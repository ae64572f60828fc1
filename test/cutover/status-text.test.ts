import assert from "node:assert/strict";
import { noFlags, rungs } from "../../cutover/rungs";
import { freezeInWords, statusText } from "../../cutover/status-text";

const all = {
	...noFlags,
	...Object.fromEntries(rungs.map((rung) => [rung, true])),
};
const unsigned = {
	valid: false,
	kind: "unsigned",
	reason: "it was never signed",
} as const;
const kept = "2026-05-08T12:00:00.000Z";

function final(at: string): string {
	return statusText({
		stack: "production",
		verifiedOn: "staging",
		reached: all,
		wanted: all,
		release: { deployed: "0123456789ab", here: "ba9876543210" },
		signed: {
			"staging-verified": unsigned,
			"production-ready": unsigned,
			"cutover-complete": unsigned,
			stabilized: unsigned,
		},
		lock: "",
		freeze: "",
		names: "",
		sourceKeptUntil: kept,
		supabase: "abcdefghijklmnopqrst",
		manualRepoints: ["Stripe"],
		now: new Date(at),
	});
}

describe("the status", () => {
	it("counts down to the day until which the source is kept", () => {
		const text = final("2026-05-02T09:30:00.000Z");
		assert.match(
			text,
			/^source {2}Supabase is kept until 2026-05-08T12:00:00\.000Z: 6 days and 2 hours from now$/m,
		);
		assert.doesNotMatch(text, /switched off/);
	});

	it("then lists what may be switched off", () => {
		const text = final("2026-05-08T12:00:01.000Z");
		for (const part of [
			/may be switched off now:$/m,
			/- the Supabase project abcdefghijklmnopqrst: /,
			/- Stripe's webhooks to the old system/,
			/- stack staging: pulumi destroy -s staging/,
		])
			assert.match(text, part);
	});

	it("says where the files are another release than what runs", () => {
		assert.match(
			final(kept),
			/^release 0123456789ab deployed, ba9876543210 in this folder/m,
		);
	});
});

describe("the freeze in words", () => {
	const at = new Date("2026-05-01T12:00:00.000Z");
	const frozen = {
		frozen: true,
		frozenAt: "2026-05-01T11:59:00.000Z",
		until: "2026-05-01T12:02:03.000Z",
		lapsed: false,
		kept: false,
		missing: [],
		writes: [],
	};

	it("has the seconds that are left", () => {
		assert.match(freezeInWords(frozen, at), /closed since .* for 123 s more/);
	});

	it("lasts, has lapsed, or was never", () => {
		assert.match(
			freezeInWords({ ...frozen, kept: true, until: null }, at),
			/and stays so$/,
		);
		assert.match(
			freezeInWords({ ...frozen, lapsed: true }, at),
			/^lapsed at 2026-05-01T12:02:03/,
		);
		assert.match(
			freezeInWords({ ...frozen, frozen: false }, at),
			/^no barrier/,
		);
	});

	it("names what was written behind it", () => {
		const writes = [{ table: "auth.users", count: 2, owned: false }];
		assert.match(
			freezeInWords({ ...frozen, writes }, at),
			/WRITTEN SINCE: auth\.users 2$/,
		);
	});
});
