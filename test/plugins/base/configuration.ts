import type { PackageSpec } from "./schema";
import { type Properties, Secret, type Value } from "./values";

/**
 * A provider's configuration with lists and objects in place: the SDKs send
 * everything that is not a string as JSON text.
 */
export function decodeConfiguration(
	spec: PackageSpec,
	configuration: Properties,
): Properties {
	return Object.fromEntries(
		Object.entries(configuration).map(([key, value]) => {
			const type = spec.provider.inputProperties?.[key]?.type;
			return [key, type === "string" ? value : parse(value)];
		}),
	);
}

function parse(value: Value): Value {
	if (value instanceof Secret) {
		return new Secret(parse(value.value));
	}
	if (typeof value !== "string") {
		return value;
	}
	try {
		return JSON.parse(value) as Value;
	} catch {
		return value;
	}
}
