import {
	type JavaScriptValue,
	Struct,
} from "google-protobuf/google/protobuf/struct_pb";

/*
 * The property values of Pulumi's provider protocol, decoded. Objects that
 * carry the signature key are special values; the signatures are constants of
 * the protocol (pulumi/pulumi sdk/go/common/resource/sig and sdk/go/common/
 * resource/plugin/rpc.go).
 */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
const ASSET = "c44067f5952c0a294b673a41bacd8c17";
const ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7";

/** Sentinels of values not known yet: one for each type, the first for any. */
const UNKNOWNS = new Set([
	"04da6b54-80e4-46f7-96ec-b56ff0331ba9",
	"1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
	"3eeb2bf0-c639-47a8-9e75-3b44932eb421",
	"6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
	"030794c1-ac77-496b-92df-f27374a8bd58",
	"e48ece36-62e2-4504-bad9-02848725956a",
	"dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);
const UNKNOWN_WIRE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** A value that must be encrypted in the state and hidden in output. */
export class Secret {
	readonly value: Value;
	constructor(value: Value) {
		this.value = value;
	}
}

/** A value that only the real run will know. Compare with `===`. */
export class Unknown {
	private constructor() {}
	static readonly instance = new Unknown();
}
export const UNKNOWN = Unknown.instance;

/** A file, a text or an address (asset), or a tree of them (archive). */
export class Asset {
	readonly kind: "asset" | "archive";
	readonly fields: Readonly<Record<string, Value>>;
	constructor(
		kind: "asset" | "archive",
		fields: Readonly<Record<string, Value>>,
	) {
		this.kind = kind;
		this.fields = fields;
	}
}

export type Value =
	| null
	| boolean
	| number
	| string
	| Secret
	| Unknown
	| Asset
	| Value[]
	| { [key: string]: Value };

/** The properties of one resource, secrets and unknowns marked. */
export type Properties = { [key: string]: Value };

/** Whether `value` is an ordinary object, not one of the marked values. */
export function isObject(value: unknown): value is Properties {
	return (
		typeof value === "object" &&
		value !== null &&
		!Array.isArray(value) &&
		!(value instanceof Secret) &&
		!(value instanceof Unknown) &&
		!(value instanceof Asset)
	);
}

function decode(wire: JavaScriptValue): Value {
	if (typeof wire === "string") {
		return UNKNOWNS.has(wire) ? UNKNOWN : wire;
	}
	if (Array.isArray(wire)) {
		return wire.map(decode);
	}
	if (typeof wire !== "object" || wire === null) {
		return wire;
	}
	const fields = mapValues(wire as Record<string, JavaScriptValue>, decode);
	switch (fields[SIGNATURE]) {
		case SECRET:
			return new Secret(fields.value ?? null);
		case OUTPUT: {
			const value = "value" in fields ? (fields.value ?? null) : UNKNOWN;
			return fields.secret === true ? new Secret(value) : value;
		}
		case ASSET:
			return new Asset("asset", fields);
		case ARCHIVE:
			return new Asset("archive", fields);
		default:
			return fields;
	}
}

function encode(value: Value): JavaScriptValue {
	if (value instanceof Secret) {
		return { [SIGNATURE]: SECRET, value: encode(value.value) };
	}
	if (value instanceof Unknown) {
		return UNKNOWN_WIRE;
	}
	if (value instanceof Asset) {
		const signature = value.kind === "asset" ? ASSET : ARCHIVE;
		return { ...mapValues(value.fields, encode), [SIGNATURE]: signature };
	}
	if (Array.isArray(value)) {
		return value.map(encode);
	}
	if (typeof value !== "object" || value === null) {
		return value;
	}
	return mapValues(value, encode);
}

function mapValues<A, B>(
	object: Readonly<Record<string, A>>,
	map: (value: A) => B,
): Record<string, B> {
	return Object.fromEntries(
		Object.entries(object).map(([key, value]) => [key, map(value)]),
	);
}

/** Properties out of a protocol message; absent messages are empty. */
export function fromStruct(struct: Struct | undefined): Properties {
	return struct ? mapValues(struct.toJavaScript(), decode) : {};
}

/** Properties into a protocol message. `undefined` fields are left out. */
export function toStruct(properties: Properties): Struct {
	return Struct.fromJavaScript(mapValues(dropUndefined(properties), encode));
}

/** A deep copy without object fields that are `undefined`, which the wire cannot say. */
function dropUndefined(properties: Properties): Properties {
	const clean = (value: Value): Value => {
		if (value instanceof Secret) {
			return new Secret(clean(value.value));
		}
		if (Array.isArray(value)) {
			return value.map(clean);
		}
		return isObject(value) ? dropUndefined(value) : value;
	};
	return Object.fromEntries(
		Object.entries(properties)
			.filter(([, value]) => value !== undefined)
			.map(([key, value]) => [key, clean(value)]),
	);
}

/** A deep copy with secrets replaced by what they hold. */
export function reveal<T extends Value>(value: T): T;
export function reveal(value: Value): Value {
	if (value instanceof Secret) {
		return reveal(value.value);
	}
	if (Array.isArray(value)) {
		return value.map(reveal);
	}
	return isObject(value) ? mapValues(value, reveal) : value;
}

/** Whether anything inside is not known yet. */
export function hasUnknown(value: Value): boolean {
	if (value instanceof Secret) {
		return hasUnknown(value.value);
	}
	if (Array.isArray(value)) {
		return value.some(hasUnknown);
	}
	return (
		value === UNKNOWN ||
		(isObject(value) && Object.values(value).some(hasUnknown))
	);
}

/** Whether anything inside is marked secret. */
export function hasSecret(value: Value): boolean {
	if (Array.isArray(value)) {
		return value.some(hasSecret);
	}
	return (
		value instanceof Secret ||
		(isObject(value) && Object.values(value).some(hasSecret))
	);
}

/** Deep equality; a secret equals what it holds, an unknown only itself. */
export function equal(a: Value | undefined, b: Value | undefined): boolean {
	if (a instanceof Secret || b instanceof Secret) {
		return equal(
			a instanceof Secret ? a.value : a,
			b instanceof Secret ? b.value : b,
		);
	}
	if (a === b) {
		return true;
	}
	if (Array.isArray(a) && Array.isArray(b)) {
		return a.length === b.length && a.every((item, i) => equal(item, b[i]));
	}
	if (a instanceof Asset && b instanceof Asset) {
		return a.kind === b.kind && assetHash(a) === assetHash(b);
	}
	if (isObject(a) && isObject(b)) {
		const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
		return [...keys].every((key) => equal(a[key], b[key]));
	}
	return false;
}

/** Assets are compared by content; the engine computes the hash. */
function assetHash(asset: Asset): Value | undefined {
	return asset.fields.hash;
}

/**
 * Marks as secret in `outputs` all that is secret at the same place in
 * `inputs`, as official plugins do: what went in encrypted comes out encrypted.
 */
export function carrySecrets(
	outputs: Value | undefined,
	inputs: Value | undefined,
): Value {
	if (outputs === undefined) {
		return null;
	}
	if (outputs instanceof Secret) {
		return outputs;
	}
	if (inputs instanceof Secret) {
		return new Secret(reveal(outputs));
	}
	if (Array.isArray(outputs) && Array.isArray(inputs)) {
		if (inputs.some(hasSecret) && inputs.length !== outputs.length) {
			return new Secret(outputs);
		}
		return outputs.map((item, i) => carrySecrets(item, inputs[i]));
	}
	if (isObject(outputs) && isObject(inputs)) {
		return Object.fromEntries(
			Object.entries(outputs)
				.filter(([, value]) => value !== undefined)
				.map(([key, value]) => [key, carrySecrets(value, inputs[key])]),
		);
	}
	return outputs;
}
