import {
	Asset,
	isObject,
	type Properties,
	reveal,
	Secret,
	UNKNOWN,
	type Value,
} from "./values";

/** A type of a Pulumi package schema, as far as the stand-ins read it. */
export interface TypeSpec {
	type?: string;
	$ref?: string;
	items?: TypeSpec;
	additionalProperties?: TypeSpec;
	oneOf?: TypeSpec[];
}

/** A property: its type, and what the official plugin does with it. */
export interface PropertySpec extends TypeSpec {
	secret?: boolean;
	default?: boolean | number | string;
	willReplaceOnChanges?: boolean;
	replaceOnChanges?: boolean;
}

export interface ObjectSpec {
	type?: string;
	properties?: Record<string, PropertySpec>;
	required?: string[];
	enum?: { value: Value }[];
}

export interface ResourceSpec extends ObjectSpec {
	inputProperties?: Record<string, PropertySpec>;
	requiredInputs?: string[];
}

export interface FunctionSpec {
	inputs?: ObjectSpec;
	outputs?: ObjectSpec;
}

/** An extract of an official package schema; see schema/extract.ts. */
export interface PackageSpec {
	provider: ResourceSpec;
	resources: Record<string, ResourceSpec>;
	functions: Record<string, FunctionSpec>;
	types: Record<string, ObjectSpec>;
}

/** What is wrong with an input, and at which path. */
export interface Failure {
	property: string;
	reason: string;
}

/** The object type that a type refers to, if it refers to one of the package. */
export function resolve(
	spec: PackageSpec,
	type: TypeSpec | undefined,
): ObjectSpec | undefined {
	const prefix = "#/types/";
	return type?.$ref?.startsWith(prefix)
		? spec.types[decodeURIComponent(type.$ref.slice(prefix.length))]
		: undefined;
}

/**
 * Checks inputs against the schema of their resource or function.
 *
 * @returns unknown keys, missing keys and wrong types; empty when sound.
 *   Values not known yet pass.
 */
export function validate(
	spec: PackageSpec,
	expected: ObjectSpec,
	inputs: Properties,
	path = "",
): Failure[] {
	const failures: Failure[] = [];
	const properties = expected.properties ?? {};
	for (const [key, value] of Object.entries(inputs)) {
		if (key.startsWith("__")) {
			continue;
		}
		const at = path ? `${path}.${key}` : key;
		const property = properties[key];
		if (property === undefined) {
			failures.push({
				property: at,
				reason: `Invalid or unknown key. Check '${at}' for typos; expected one of: ${Object.keys(properties).sort().join(", ")}`,
			});
			continue;
		}
		failures.push(...validateValue(spec, property, value, at));
	}
	for (const key of expected.required ?? []) {
		if (inputs[key] === undefined || reveal(inputs[key]) === null) {
			const at = path ? `${path}.${key}` : key;
			failures.push({
				property: at,
				reason: `Missing required argument. The argument '${at}' is required, but no definition was found`,
			});
		}
	}
	return failures;
}

function validateValue(
	spec: PackageSpec,
	type: TypeSpec,
	value: Value,
	at: string,
): Failure[] {
	if (value instanceof Secret) {
		return validateValue(spec, type, value.value, at);
	}
	if (value === UNKNOWN || value === null || value === undefined) {
		return [];
	}
	if (type.oneOf) {
		const results = type.oneOf.map((one) =>
			validateValue(spec, one, value, at),
		);
		return (
			results.find((failures) => failures.length === 0) ?? results[0] ?? []
		);
	}
	const object = resolve(spec, type);
	if (object?.enum) {
		return object.enum.some((item) => item.value === value)
			? []
			: wrong(at, object.enum.map((item) => `"${item.value}"`).join(" or "));
	}
	if (object) {
		return isObject(value)
			? validate(spec, object, value, at)
			: wrong(at, "an object");
	}
	switch (type.$ref) {
		case "pulumi.json#/Asset":
		case "pulumi.json#/Archive":
			return value instanceof Asset ? [] : wrong(at, "an asset or archive");
		case "pulumi.json#/Any":
			return [];
	}
	return validatePlain(spec, type, value, at);
}

function validatePlain(
	spec: PackageSpec,
	type: TypeSpec,
	value: Value,
	at: string,
): Failure[] {
	switch (type.type) {
		case "array":
			return Array.isArray(value)
				? value.flatMap((item, i) =>
						validateValue(spec, type.items ?? {}, item, `${at}[${i}]`),
					)
				: wrong(at, "a list");
		case "object":
			return isObject(value)
				? Object.entries(value).flatMap(([key, item]) =>
						validateValue(
							spec,
							type.additionalProperties ?? {},
							item,
							`${at}.${key}`,
						),
					)
				: wrong(at, "an object");
		case "integer":
			return Number.isInteger(coerce(type, value))
				? []
				: wrong(at, "an integer");
		case "number":
			return typeof coerce(type, value) === "number"
				? []
				: wrong(at, "a number");
		case "boolean":
			return typeof coerce(type, value) === "boolean"
				? []
				: wrong(at, "true or false");
		case "string":
			return typeof coerce(type, value) === "string"
				? []
				: wrong(at, "a string");
		default:
			return [];
	}
}

function wrong(property: string, expected: string): Failure[] {
	return [{ property, reason: `expected '${property}' to be ${expected}` }];
}

/**
 * A scalar as the type wants it: "5" for a number, 5 for a string, "true" for
 * a boolean, the conversions that the official bridge makes.
 */
export function coerce(type: TypeSpec, value: Value): Value {
	switch (type.type) {
		case "integer":
		case "number":
			return typeof value === "string" &&
				value.trim() !== "" &&
				Number.isFinite(Number(value))
				? Number(value)
				: value;
		case "boolean":
			return value === "true" ? true : value === "false" ? false : value;
		case "string":
			return typeof value === "number" || typeof value === "boolean"
				? String(value)
				: value;
		default:
			return value;
	}
}

/** Inputs with every scalar as its type wants it, nulls left out. */
export function normalize(
	spec: PackageSpec,
	expected: ObjectSpec,
	inputs: Properties,
): Properties {
	const result: Properties = {};
	for (const [key, value] of Object.entries(inputs)) {
		const property = expected.properties?.[key];
		const plain = value instanceof Secret ? value.value : value;
		if (plain !== null && plain !== undefined) {
			result[key] = property ? normalizeValue(spec, property, value) : value;
		}
	}
	return result;
}

function normalizeValue(
	spec: PackageSpec,
	type: TypeSpec,
	value: Value,
): Value {
	if (value instanceof Secret) {
		return new Secret(normalizeValue(spec, type, value.value));
	}
	if (Array.isArray(value)) {
		return value.map((item) => normalizeValue(spec, type.items ?? {}, item));
	}
	if (isObject(value)) {
		const object = resolve(spec, type);
		if (object) {
			return normalize(spec, object, value);
		}
		const items = type.additionalProperties;
		return items
			? Object.fromEntries(
					Object.entries(value).map(([key, item]) => [
						key,
						normalizeValue(spec, items, item),
					]),
				)
			: value;
	}
	return coerce(type, value);
}

/** Marks as secret every property that the schema calls secret, at any depth. */
export function markSecrets(
	spec: PackageSpec,
	expected: ObjectSpec,
	values: Properties,
): Properties {
	return Object.fromEntries(
		Object.entries(values).map(([key, value]) => {
			const property = expected.properties?.[key];
			if (property === undefined || value instanceof Secret) {
				return [key, value];
			}
			if (property.secret && value !== null && value !== undefined) {
				return [key, new Secret(value)];
			}
			const object = resolve(spec, property);
			if (object && isObject(value)) {
				return [key, markSecrets(spec, object, value)];
			}
			const item = resolve(spec, property.items);
			if (item && Array.isArray(value)) {
				return [
					key,
					value.map((element) =>
						isObject(element) ? markSecrets(spec, item, element) : element,
					),
				];
			}
			return [key, value];
		}),
	);
}
