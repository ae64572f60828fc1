import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import Ajv, { type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import type { Exchange } from "./api/server";

/**
 * Holds exchanges against DigitalOcean's own API description
 * (https://github.com/digitalocean/openapi, bundled into one file). The file is
 * not part of the project: see `findDescription`.
 */
export interface DescriptionCheck {
	/** What in this exchange breaks the description; empty when nothing does. */
	violations(exchange: Exchange): string[];
}

type Json = Record<string, unknown>;

const documentId = "digitalocean";

/** The description's file: in $CUTOVER_SPEC, else in shared/spec beside the checkout. */
export function findDescription(): string | undefined {
	const folder =
		process.env.CUTOVER_SPEC ?? resolve(__dirname, "../../../shared/spec");
	const file = resolve(folder, "digitalocean-openapi.json");
	return existsSync(file) ? file : undefined;
}

export function loadDescription(file: string): DescriptionCheck {
	const document = toJsonSchema(JSON.parse(readFileSync(file, "utf8"))) as Json;
	const ajv = new Ajv({
		strict: false,
		allErrors: true,
		validateSchema: false,
		// Its patterns escape characters that the u flag does not allow to escape.
		unicodeRegExp: false,
		logger: false,
	});
	addFormats(ajv);
	ajv.addSchema({ ...document, $id: documentId });
	const compiled = new Map<string, ValidateFunction>();

	const check = (pointer: string, value: unknown, what: string): string[] => {
		let validate = compiled.get(pointer);
		if (!validate) {
			validate = ajv.compile({ $ref: `${documentId}#${pointer}` });
			compiled.set(pointer, validate);
		}
		if (validate(value)) return [];
		return [`${what}: ${ajv.errorsText(validate.errors)}`];
	};
	/** Follows references from a pointer to the object that it means. */
	const follow = (pointer: string): string | undefined => {
		const value = at(document, pointer);
		if (value === undefined) return undefined;
		const reference = (value as Json).$ref;
		return typeof reference === "string"
			? follow(reference.replace(/^#/, ""))
			: pointer;
	};
	const schemaOf = (pointer: string): string | undefined => {
		const owner = follow(pointer);
		const schema = `${owner}/content/application~1json/schema`;
		return owner && at(document, schema) !== undefined ? schema : undefined;
	};

	return {
		violations(exchange) {
			const { method, path, template, status } = exchange;
			if (!template) return [];
			// /v2/projects/default has operations of its own beside {project_id}'s.
			const operation = [path, template]
				.map(
					(candidate) =>
						`/paths/${pointerPart(candidate)}/${method.toLowerCase()}`,
				)
				.find((pointer) => at(document, pointer) !== undefined);
			const what = `${method} ${path} ${status}`;
			if (!operation) return [`${what}: not an operation of the description`];
			const found: string[] = [];
			const request = schemaOf(`${operation}/requestBody`);
			if (request && status < 400)
				found.push(...check(request, exchange.requestBody, `${what} request`));
			const answer = [String(status), "default"]
				.map((code) => `${operation}/responses/${code}`)
				.find((pointer) => at(document, pointer) !== undefined);
			if (!answer || (status < 400 && answer.endsWith("/default")))
				return [...found, `${what}: not a status of the description`];
			const schema = schemaOf(answer);
			if (schema)
				found.push(...check(schema, exchange.answerBody, `${what} answer`));
			else if (exchange.answerBody !== undefined)
				found.push(`${what}: the description has no body here`);
			return found;
		},
	};
}

const pointerPart = (segment: string) =>
	segment.replaceAll("~", "~0").replaceAll("/", "~1");

function at(document: unknown, pointer: string): unknown {
	let value = document;
	for (const part of pointer.split("/").slice(1))
		value = (value as Json | undefined)?.[
			part.replaceAll("~1", "/").replaceAll("~0", "~")
		];
	return value;
}

/**
 * OpenAPI 3.0's dialect into JSON Schema's: `nullable` becomes a type, and
 * boolean exclusive bounds become numbers. The description's `oneOf`s overlap
 * (a Droplet action that carries nothing but its type fits several), so they
 * are read as `anyOf`.
 */
function toJsonSchema(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(toJsonSchema);
	if (typeof value !== "object" || value === null) return value;
	const { nullable, exclusiveMinimum, exclusiveMaximum, oneOf, ...rest } =
		Object.fromEntries(
			Object.entries(value).map(([key, child]) => [key, toJsonSchema(child)]),
		) as Json;
	if (oneOf !== undefined) rest.anyOf = oneOf;
	if (exclusiveMinimum === true) rest.exclusiveMinimum = rest.minimum;
	else if (
		typeof exclusiveMinimum !== "boolean" &&
		exclusiveMinimum !== undefined
	)
		rest.exclusiveMinimum = exclusiveMinimum;
	if (exclusiveMaximum === true) rest.exclusiveMaximum = rest.maximum;
	else if (
		typeof exclusiveMaximum !== "boolean" &&
		exclusiveMaximum !== undefined
	)
		rest.exclusiveMaximum = exclusiveMaximum;
	if (nullable === true) return { anyOf: [rest, { type: "null" }] };
	if (nullable !== undefined && typeof nullable !== "boolean")
		rest.nullable = nullable;
	return rest;
}
