import assert from "node:assert/strict";
import { comparable } from "./base/comparable";
import { alignTo, difference, schemaReplaces } from "./base/diff";
import { requireLocal } from "./base/local-endpoint";
import type { PackageSpec } from "./base/schema";
import {
	carrySecrets,
	fromStruct,
	Secret,
	toStruct,
	UNKNOWN,
} from "./base/values";
import { formatDuration, parseDuration } from "./docker/durations";
import { splitWords } from "./language/options";
import { randomText } from "./random/text";

describe("property values", () => {
	it("survive the way over the wire", () => {
		const values = {
			text: "a",
			list: [1, true, null],
			hidden: new Secret({ key: "v" }),
			later: UNKNOWN,
		};
		assert.deepEqual(fromStruct(toStruct(values)), values);
	});

	it("stay secret where they went in as secrets", () => {
		const inputs = { a: new Secret("x"), b: { c: new Secret("y"), d: "z" } };
		const outputs = { a: "x", b: { c: "y", d: "z" }, e: "f" };
		assert.deepEqual(carrySecrets(outputs, inputs), { ...inputs, e: "f" });
	});
});

describe("difference", () => {
	const spec: PackageSpec = {
		provider: {},
		resources: {},
		functions: {},
		types: {
			"x:Mode": { properties: { replicas: { type: "integer" } } },
		},
	};
	const replaces = schemaReplaces(spec, {
		inputProperties: {
			name: { type: "string", willReplaceOnChanges: true },
			mode: { $ref: "#/types/x:Mode", willReplaceOnChanges: true },
			options: {
				type: "object",
				additionalProperties: { type: "string" },
				willReplaceOnChanges: true,
			},
			rules: { type: "array" },
		},
	});
	const compare = (
		olds: Parameters<typeof difference>[0],
		news: Parameters<typeof difference>[1],
	) =>
		[...difference(olds, news, replaces, new Set(["rules"])).changes].map(
			([path, change]) =>
				`${path} ${change.kind}${change.replaces ? " replaces" : ""}`,
		);

	it("names what changed and what that replaces", () => {
		assert.deepEqual(compare({ name: "a" }, { name: "b" }), [
			"name update replaces",
		]);
		assert.deepEqual(compare({}, { mode: { replicas: 1 } }), [
			"mode add replaces",
		]);
		assert.deepEqual(compare({ options: { a: "1" } }, { options: {} }), [
			"options.a delete replaces",
		]);
	});

	it("does not replace for what is inside a flagged object", () => {
		assert.deepEqual(
			compare({ mode: { replicas: 1 } }, { mode: { replicas: 2 } }),
			["mode.replicas update"],
		);
	});

	it("takes lists without order as sets, and empty ones as absent", () => {
		assert.deepEqual(compare({ rules: ["a", "b"] }, { rules: ["b", "a"] }), []);
		assert.deepEqual(compare({ rules: [] }, {}), []);
		assert.deepEqual(alignTo([{ a: 1 }], [{ a: 2 }, { a: 1, b: 3 }]), [
			{ a: 1, b: 3 },
			{ a: 2 },
		]);
	});

	it("compares bridged resources with the state, as Terraform does", () => {
		const compared = comparable({
			spec: { required: ["filledIn"] },
			writeOnly: ["digest"],
			oldInputs: { delay: "90s", filledIn: "x", digest: "text" },
			state: { delay: "1m30s", filledIn: "x", digest: "sha", more: 1 },
			news: { delay: "90s", digest: "text" },
		});
		assert.deepEqual(compared, { delay: "1m30s", digest: "text" });
	});
});

describe("requireLocal", () => {
	it("admits loopback", async () => {
		await requireLocal("127.0.0.1", "the API");
		await requireLocal("localhost", "the API");
		await requireLocal("[::1]", "the API");
	});

	it("refuses what is elsewhere, and says what to do", async () => {
		await assert.rejects(
			requireLocal("192.0.2.1", "the API"),
			/expected the API at an address of this machine[\s\S]*found 192\.0\.2\.1[\s\S]*to do/,
		);
	});
});

describe("durations", () => {
	it("are read and written as Go does", () => {
		assert.equal(parseDuration("1m30s"), 90e9);
		assert.equal(parseDuration("1.5s"), 1.5e9);
		assert.equal(parseDuration("soon"), undefined);
		const written = ["0s", "500ms", "5s", "90s", "60s", "3600s", "3601s"].map(
			(text) => formatDuration(parseDuration(text)),
		);
		assert.deepEqual(written, [
			"0s",
			"500ms",
			"5s",
			"1m30s",
			"1m",
			"1h",
			"1h0m1s",
		]);
	});
});

describe("splitWords", () => {
	it("splits as a shell does", () => {
		assert.deepEqual(splitWords(" --import  tsx "), ["--import", "tsx"]);
		assert.deepEqual(splitWords(`a'b c'"d \\"e"\\ f g`), ['ab cd "e f', "g"]);
		assert.throws(() => splitWords("'open"), /not closed/);
	});
});

describe("randomText", () => {
	it("keeps length, sets and minimums", () => {
		const text = randomText({
			length: 40,
			lower: false,
			upper: true,
			numeric: true,
			special: true,
			minLower: 0,
			minUpper: 2,
			minNumeric: 30,
			minSpecial: 3,
			overrideSpecial: "_",
		});
		assert.equal(text.length, 40);
		assert.match(text, /^[A-Z0-9_]+$/);
		assert.ok((text.match(/[0-9]/g) ?? []).length >= 30);
		assert.ok((text.match(/_/g) ?? []).length >= 3);
		assert.ok((text.match(/[A-Z]/g) ?? []).length >= 2);
	});
});
