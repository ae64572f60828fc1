import {
	type PackageSpec,
	type ResourceSpec,
	resolve,
	type TypeSpec,
} from "./schema";
import { equal, isObject, type Properties, Secret, type Value } from "./values";

export type ChangeKind = "add" | "delete" | "update";

/** One changed input. */
export interface Change {
	kind: ChangeKind;
	replaces: boolean;
}

/** What a change of inputs means for a resource. */
export interface Difference {
	/** By property path as the engine writes them: `a.b[0].c`. */
	changes: Map<string, Change>;
	/** Top-level properties that force a replacement. */
	replaces: Set<string>;
}

/** Order of the lists at these paths (`inboundRules`, `taskSpec.networks`) has no meaning. */
export type SetPaths = ReadonlySet<string>;

/**
 * Compares old with new inputs.
 *
 * @param replacesOn whether a change at a schema path (without list indices)
 *   of the resource replaces it
 * @param sets schema paths of lists without order
 * @param same whether two values at a schema path mean the same though they differ
 */
export function difference(
	olds: Properties,
	news: Properties,
	replacesOn: (path: string) => boolean,
	sets: SetPaths,
	same: (path: string, before: Value, after: Value) => boolean = () => false,
): Difference {
	const changes = new Map<string, Change>();
	const replacingRoots = new Set<string>();
	const keys = new Set([...Object.keys(olds), ...Object.keys(news)]);
	const visit = (
		a: Value | undefined,
		b: Value | undefined,
		at: string,
		schemaPath: string,
		root: string,
	): void => {
		const before = plain(a);
		const after = plain(b);
		if (equal(before, after)) {
			return;
		}
		if (isObject(before) && isObject(after)) {
			for (const key of new Set([
				...Object.keys(before),
				...Object.keys(after),
			])) {
				if (!key.startsWith("__")) {
					visit(
						before[key],
						after[key],
						join(at, key),
						`${schemaPath}.${key}`,
						root,
					);
				}
			}
			return;
		}
		if (Array.isArray(before) && Array.isArray(after)) {
			const aligned = sets.has(schemaPath) ? alignTo(before, after) : after;
			for (let i = 0; i < Math.max(before.length, aligned.length); i++) {
				visit(before[i], aligned[i], `${at}[${i}]`, schemaPath, root);
			}
			return;
		}
		if (
			before !== undefined &&
			after !== undefined &&
			same(schemaPath, before, after)
		) {
			return;
		}
		const replaces = replacesOn(schemaPath);
		changes.set(at, { kind: kindOf(before, after), replaces });
		if (replaces) {
			replacingRoots.add(root);
		}
	};
	for (const key of keys) {
		if (!key.startsWith("__")) {
			visit(olds[key], news[key], key, key, key);
		}
	}
	return { changes, replaces: replacingRoots };
}

/** A property path as the engine reads it: names that are none are quoted. */
function join(at: string, key: string): string {
	return /^[\w-]+$/.test(key)
		? `${at}.${key}`
		: `${at}[${JSON.stringify(key)}]`;
}

/** The value itself; absent where it is null or an empty list, as for Terraform. */
function plain(value: Value | undefined): Value | undefined {
	const inner = value instanceof Secret ? value.value : value;
	return inner === null || (Array.isArray(inner) && inner.length === 0)
		? undefined
		: inner;
}

function kindOf(
	before: Value | undefined,
	after: Value | undefined,
): ChangeKind {
	if (before === undefined) {
		return "add";
	}
	return after === undefined ? "delete" : "update";
}

/**
 * The items of `list` in the order of `model`: an item that says all that one
 * of the model says takes its place, the others follow in the places left.
 */
export function alignTo(
	model: readonly Value[],
	list: readonly Value[],
): Value[] {
	const rest = [...list];
	const result: (Value | undefined)[] = model.map((item) => {
		const index = rest.findIndex((candidate) => covers(candidate, item));
		return index === -1 ? undefined : rest.splice(index, 1)[0];
	});
	return [
		...result.map((item) => (item === undefined ? rest.shift() : item)),
		...rest,
	].filter((item) => item !== undefined);
}

/** Whether `value` says all that `model` says; lists in any order. */
function covers(value: Value | undefined, model: Value): boolean {
	const [all, some] = [plain(value), plain(model)];
	if (Array.isArray(all) && Array.isArray(some)) {
		return (
			all.length === some.length &&
			some.every((item) => all.some((candidate) => covers(candidate, item)))
		);
	}
	if (isObject(all) && isObject(some)) {
		return Object.entries(some).every(([key, item]) => covers(all[key], item));
	}
	return equal(all, some);
}

/**
 * Puts every set of `values` in the order that it has in `model`, so that a
 * server's own order does not read as a change.
 */
export function alignSets(
	values: Value,
	model: Value | undefined,
	sets: SetPaths,
	path = "",
): Value {
	const like = plain(model);
	if (Array.isArray(values) && Array.isArray(like)) {
		const ordered = sets.has(path) ? alignTo(like, values) : values;
		return ordered.map((item, i) => alignSets(item, like[i], sets, path));
	}
	if (isObject(values) && isObject(like)) {
		return Object.fromEntries(
			Object.entries(values).map(([key, value]) => [
				key,
				alignSets(value, like[key], sets, path ? `${path}.${key}` : key),
			]),
		);
	}
	return values;
}

/**
 * Whether the schema says that a change at a path replaces the resource.
 * `path` names properties only: `taskSpec.containerSpec.image`. A flag on an
 * object counts for the object as a whole, coming or going; what is inside has
 * flags of its own. One on a map or on a value of any type counts for all of it.
 */
export function schemaReplaces(
	spec: PackageSpec,
	resource: ResourceSpec,
): (path: string) => boolean {
	return (path) => {
		let properties = resource.inputProperties;
		let flagged = false;
		for (const key of path.split(".")) {
			const property = properties?.[key];
			if (property === undefined) {
				return flagged;
			}
			flagged = Boolean(
				property.willReplaceOnChanges || property.replaceOnChanges,
			);
			const inner: TypeSpec = property.items ?? property;
			properties = resolve(spec, inner)?.properties;
		}
		return flagged;
	};
}
