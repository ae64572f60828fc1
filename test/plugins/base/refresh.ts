import type { ResourceSpec } from "./schema";
import { isObject, type Properties, Secret, type Value } from "./values";

/**
 * The inputs that a resource as it is now answers to.
 *
 * After a refresh: the old inputs, each with the value found; so that a drift
 * shows as a change and what the program never set stays unset. After an
 * import (no old inputs): every input that the outputs tell and that is not the
 * zero value of its type, which a service reports for what was never set.
 *
 * @param writeOnly top-level inputs that outputs cannot tell
 */
export function inputsFromOutputs(
	resource: ResourceSpec,
	oldInputs: Properties,
	outputs: Properties,
	writeOnly: readonly string[] = [],
): Properties {
	if (Object.keys(oldInputs).length === 0) {
		return Object.fromEntries(
			Object.keys(resource.inputProperties ?? {})
				.filter((key) => says(outputs[key]))
				.map((key) => [key, outputs[key] ?? null]),
		);
	}
	const result: Properties = {};
	for (const [key, old] of Object.entries(oldInputs)) {
		if (key.startsWith("__") || writeOnly.includes(key)) {
			result[key] = old;
		} else if (present(outputs[key])) {
			result[key] = narrow(old, outputs[key] ?? null);
		} else if (!(key in (resource.properties ?? {}))) {
			result[key] = old;
		}
	}
	return result;
}

function present(value: Value | undefined): boolean {
	return value !== undefined && value !== null;
}

function says(value: Value | undefined): boolean {
	const plain = value instanceof Secret ? value.value : value;
	return (
		present(plain) &&
		plain !== "" &&
		plain !== 0 &&
		plain !== false &&
		!(Array.isArray(plain) && plain.length === 0)
	);
}

/** `found` reduced to what `old` says something about. */
function narrow(old: Value, found: Value): Value {
	if (old instanceof Secret) {
		return new Secret(
			narrow(old.value, found instanceof Secret ? found.value : found),
		);
	}
	if (Array.isArray(old) && Array.isArray(found)) {
		return found.map((item, i) => {
			const before = old[i];
			return before === undefined ? item : narrow(before, item);
		});
	}
	if (isObject(old) && isObject(found)) {
		return Object.fromEntries(
			Object.keys(old)
				.filter((key) => key.startsWith("__") || present(found[key]))
				.map((key) => [
					key,
					key.startsWith("__")
						? (old[key] ?? null)
						: narrow(old[key] ?? null, found[key] ?? null),
				]),
		);
	}
	return found;
}
