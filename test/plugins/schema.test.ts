import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Provider } from "./base/provider";
import { type PackageSpec, validate } from "./base/schema";
import { Secret, UNKNOWN } from "./base/values";
import { provider as command } from "./command/provider";
import { provider as digitalocean } from "./digitalocean/provider";
import { provider as docker } from "./docker/provider";
import { provider as random } from "./random/provider";
import { extract } from "./schema/extract";
import { served } from "./schema/served";

const providers: Record<keyof typeof served, Provider> = {
	command,
	digitalocean,
	docker,
	random,
};
/** The official schemas, where they lie beside the checkout. */
const official = join(__dirname, "../../../shared/spec/pulumi");

describe("package schemas of the stand-ins", () => {
	for (const [name, tokens] of Object.entries(served)) {
		const provider = providers[name as keyof typeof served];

		it(`${name} implements what its schema says, and nothing else`, () => {
			assert.deepEqual(
				Object.keys(provider.resources).sort(),
				[...tokens.resources].sort(),
			);
			assert.deepEqual(
				Object.keys(provider.functions ?? {}).sort(),
				[...tokens.functions].sort(),
			);
		});

		it(`${name} is the official schema's extract`, () => {
			const kept = JSON.parse(
				readFileSync(join(__dirname, `schema/${name}.json`), "utf8"),
			);
			assert.deepEqual(
				Object.keys(kept.resources).sort(),
				[...tokens.resources].sort(),
			);
			if (existsSync(official)) {
				const whole = JSON.parse(
					readFileSync(join(official, `${name}.json`), "utf8"),
				);
				assert.deepEqual(kept, extract(whole, tokens));
			}
		});
	}
});

describe("validate", () => {
	const spec: PackageSpec = {
		provider: {},
		resources: {},
		functions: {},
		types: {
			"x:Port": {
				type: "object",
				properties: { number: { type: "integer" } },
				required: ["number"],
			},
		},
	};
	const expected = {
		properties: {
			name: { type: "string" },
			ports: { type: "array", items: { $ref: "#/types/x:Port" } },
		},
		required: ["name"],
	};
	const paths = (inputs: Parameters<typeof validate>[2]) =>
		validate(spec, expected, inputs).map(({ property }) => property);

	it("accepts sound inputs, secrets and values not known yet", () => {
		assert.deepEqual(paths({ name: "a", ports: [{ number: 1 }] }), []);
		assert.deepEqual(paths({ name: new Secret("a"), ports: UNKNOWN }), []);
	});

	it("names unknown keys, missing keys and wrong types by their path", () => {
		assert.deepEqual(paths({ nane: "a" }), ["nane", "name"]);
		assert.deepEqual(paths({ name: ["a"] }), ["name"]);
		assert.deepEqual(paths({ name: "a", ports: [{ number: "x" }, {}] }), [
			"ports[0].number",
			"ports[1].number",
		]);
	});
});
