import type { ResourceSpec } from "./schema";
import { isObject, type Properties, UNKNOWN } from "./values";

/**
 * Outputs of a resource that does not exist yet: its inputs, and "not known"
 * for what only the real thing can tell.
 */
export function previewCreate(
	resource: ResourceSpec,
	inputs: Properties,
): Properties {
	const outputs: Properties = {};
	const required = new Set(resource.required ?? []);
	for (const key of Object.keys(resource.properties ?? {})) {
		const given = inputs[key];
		if (given !== undefined) {
			outputs[key] = given;
		} else if (
			required.has(key) ||
			!(key in (resource.inputProperties ?? {}))
		) {
			outputs[key] = UNKNOWN;
		}
	}
	return outputs;
}

/**
 * Outputs of a resource after an update that was not made: the old ones with
 * the new inputs in them.
 *
 * @param unknown outputs that the update may change
 */
export function previewUpdate(
	resource: ResourceSpec,
	olds: Properties,
	oldInputs: Properties,
	news: Properties,
	unknown: readonly string[] = [],
): Properties {
	const outputs: Properties = {};
	for (const key of Object.keys(resource.properties ?? {})) {
		const given = news[key];
		if (unknown.includes(key)) {
			outputs[key] = UNKNOWN;
		} else if (given !== undefined) {
			outputs[key] = merge(olds[key], given);
		} else if (!(key in oldInputs) && olds[key] !== undefined) {
			outputs[key] = olds[key];
		}
	}
	return outputs;
}

function merge(
	old: Properties[string] | undefined,
	given: Properties[string],
): Properties[string] {
	return isObject(old) && isObject(given) ? { ...old, ...given } : given;
}
