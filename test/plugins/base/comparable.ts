import type { ResourceSpec } from "./schema";
import { isObject, type Properties, Secret, type Value } from "./values";

/**
 * What new inputs of a bridged resource are compared with. Like Terraform, the
 * bridge compares with the state, not with the old inputs: a value that the
 * service writes differently ("90s" and "1m30s") is a difference at every run.
 *
 * Of the state only what the old or the new inputs speak of counts: the rest
 * the service filled in. An input that was left out is no difference either
 * where the service fills it in.
 */
export function comparable(resource: {
	spec: ResourceSpec;
	writeOnly: readonly string[];
	oldInputs: Properties;
	state: Properties;
	news: Properties;
}): Properties {
	const { spec, writeOnly, oldInputs, state, news } = resource;
	const filledIn = new Set(spec.required ?? []);
	const result: Properties = {};
	for (const key of new Set([
		...Object.keys(oldInputs),
		...Object.keys(news),
	])) {
		const leftOut = news[key] === undefined && filledIn.has(key);
		if (key.startsWith("__") || leftOut) {
			continue;
		}
		const old = oldInputs[key];
		const now = state[key];
		const value =
			writeOnly.includes(key) || now === undefined
				? old
				: spokenOf(now, old, news[key]);
		if (value !== undefined) {
			result[key] = value;
		}
	}
	return result;
}

/** The part of `state` that `old` or `news` say something about. */
function spokenOf(
	state: Value,
	old: Value | undefined,
	news: Value | undefined,
): Value {
	const [now, before, after] = [state, old, news].map((value) =>
		value instanceof Secret ? value.value : value,
	);
	if (Array.isArray(now)) {
		const [olds, latest] = [before, after].map((value) =>
			Array.isArray(value) ? value : [],
		);
		return now.map((item, i) => spokenOf(item, olds?.[i], latest?.[i]));
	}
	if (isObject(now) && (isObject(before) || isObject(after))) {
		const keys = new Set([
			...Object.keys(isObject(before) ? before : {}),
			...Object.keys(isObject(after) ? after : {}),
		]);
		return Object.fromEntries(
			Object.entries(now)
				.filter(([key]) => keys.has(key))
				.map(([key, value]) => [
					key,
					spokenOf(
						value,
						isObject(before) ? before[key] : undefined,
						isObject(after) ? after[key] : undefined,
					),
				]),
		);
	}
	return now ?? null;
}
