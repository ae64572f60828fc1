import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Exchange } from "./api/server";
import { type DescriptionCheck, loadDescription } from "./openapi";

/** A description of one operation, with the traits of DigitalOcean's that need care. */
const description = {
	openapi: "3.0.0",
	paths: {
		"/v2/things/{thing_id}": {
			put: {
				requestBody: {
					content: {
						"application/json": {
							schema: { $ref: "#/components/schemas/thing" },
						},
					},
				},
				responses: {
					200: { $ref: "#/components/responses/thing" },
					204: { description: "nothing to say" },
					default: { $ref: "#/components/responses/error" },
				},
			},
		},
	},
	components: {
		schemas: {
			thing: {
				type: "object",
				required: ["name"],
				properties: {
					// The u flag would not take this pattern.
					name: { type: "string", pattern: "^[a-z\\-\\:]+$" },
					size: {
						type: "integer",
						nullable: true,
						minimum: 0,
						exclusiveMinimum: true,
					},
					shape: {
						oneOf: [{ type: "number" }, { type: "integer" }],
					},
				},
			},
		},
		responses: {
			thing: {
				content: {
					"application/json": {
						schema: { $ref: "#/components/schemas/thing" },
					},
				},
			},
			error: {
				content: {
					"application/json": {
						schema: { type: "object", required: ["id", "message"] },
					},
				},
			},
		},
	},
};

describe("the check against an API description", () => {
	let folder: string;
	let check: DescriptionCheck;
	before(() => {
		folder = mkdtempSync(join(tmpdir(), "description-test-"));
		const file = join(folder, "description.json");
		writeFileSync(file, JSON.stringify(description));
		check = loadDescription(file);
	});
	after(() => rmSync(folder, { recursive: true }));

	const violations = (changes: Partial<Exchange>) =>
		check.violations({
			method: "PUT",
			path: "/v2/things/1",
			query: new URLSearchParams(),
			template: "/v2/things/{thing_id}",
			requestBody: { name: "a" },
			status: 200,
			answerBody: { name: "a" },
			...changes,
		});

	it("passes what fits: null where nullable, and one value for several of oneOf", () => {
		assert.deepEqual(violations({}), []);
		assert.deepEqual(
			violations({ answerBody: { name: "a-b:c", size: null, shape: 1 } }),
			[],
		);
		assert.deepEqual(violations({ status: 204, answerBody: undefined }), []);
	});

	it("finds what does not: keys, patterns, bounds, bodies and statuses", () => {
		for (const changes of [
			{ requestBody: {} },
			{ answerBody: {} },
			{ answerBody: { name: "A" } },
			{ answerBody: { name: "a", size: 0 } },
			{ answerBody: undefined },
			{ status: 204 },
			{ status: 201 },
			{ status: 404, answerBody: { id: "not_found" } },
			{ method: "GET" },
		])
			assert.equal(violations(changes).length, 1, JSON.stringify(changes));
	});

	it("does not hold a refused request, or a route that nobody has, against it", () => {
		const refused = { status: 422, answerBody: { id: "a", message: "b" } };
		assert.deepEqual(violations({ ...refused, requestBody: {} }), []);
		assert.deepEqual(violations({ ...refused, template: undefined }), []);
	});
});
