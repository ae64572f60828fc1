/**
 * Names of objects across kinds, the same on every server: `table public.t`,
 * `function public.f(integer)`, `default public.t.c`, `extension pgcrypto`. OIDs
 * would serve as well, but say nothing to a person and nothing to an import.
 */

/** Key of an object → keys of what must exist before it can be made. */
export type Needs = Readonly<Record<string, readonly string[]>>;

export type KeyKind =
	| "schema"
	| "extension"
	| "type"
	| "table"
	| "view"
	| "sequence"
	| "default"
	| "constraint"
	| "index"
	| "statistics"
	| "trigger"
	| "rule"
	| "policy";

/** The key of a kind's object by its names: schema, table where it has one, name. */
export function keyOf(kind: KeyKind, ...names: readonly string[]): string {
	return `${kind} ${plainName(...names)}`;
}

/** The key of a function or procedure by its identity, `public.f(integer)`. */
export function routineKey(identity: string): string {
	return `function ${identity}`;
}

/** A qualified name for people: quoted only where it must be. */
export function plainName(...names: readonly string[]): string {
	return names
		.map((name) =>
			/^[a-z_][a-z0-9_]*$/.test(name)
				? name
				: `"${name.replaceAll('"', '""')}"`,
		)
		.join(".");
}
