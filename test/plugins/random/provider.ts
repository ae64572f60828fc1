import { randomBytes, randomInt, randomUUID } from "node:crypto";
import type { Unwrap } from "@pulumi/pulumi";
import type * as random from "@pulumi/random";
import { version } from "@pulumi/random/package.json";
import { hashSync } from "bcryptjs";
import type { Provider } from "../base/provider";
import type { Created, ResourceType } from "../base/resource";
import type { Failure, PackageSpec } from "../base/schema";
import type { Properties } from "../base/values";
import schema from "../schema/random.json";
import { petName } from "./pets";
import { randomText, type TextOptions } from "./text";

/** bcrypt.DefaultCost of golang.org/x/crypto, which the official plugin uses. */
const BCRYPT_COST = 10;
/** bcrypt takes no more; the official plugin cuts longer texts. */
const BCRYPT_MAX_BYTES = 72;

/** Everything here is drawn once: any change of an input draws anew. */
function drawnOnce(
	create: (inputs: Properties) => Created,
	rest: Partial<ResourceType> = {},
): ResourceType {
	return {
		replaces: () => true,
		create: async (inputs) => create(inputs),
		update: async (_id, olds, news) => ({ ...olds, ...news }),
		...rest,
	};
}

type TextArgs = Unwrap<random.RandomPasswordArgs>;

function textOptions(args: TextArgs): TextOptions {
	return {
		length: args.length,
		lower: args.lower ?? true,
		upper: args.upper ?? true,
		numeric: args.numeric ?? args.number ?? true,
		special: args.special ?? true,
		minLower: args.minLower ?? 0,
		minUpper: args.minUpper ?? 0,
		minNumeric: args.minNumeric ?? 0,
		minSpecial: args.minSpecial ?? 0,
		overrideSpecial: args.overrideSpecial,
	};
}

/** Outputs that RandomPassword and RandomString share. */
function textOutputs(inputs: Properties, result: string): Properties {
	const { overrideSpecial: _own, ...options } = textOptions(
		inputs as unknown as TextArgs,
	);
	return { ...inputs, ...options, number: options.numeric, result };
}

function checkText(inputs: Properties): Failure[] {
	const args = inputs as unknown as TextArgs;
	if (typeof args.length !== "number") {
		return [];
	}
	const minimums = [
		args.minLower,
		args.minUpper,
		args.minNumeric,
		args.minSpecial,
	].reduce<number>(
		(sum, minimum) => sum + (typeof minimum === "number" ? minimum : 0),
		0,
	);
	const least = Math.max(1, minimums);
	return args.length >= least
		? []
		: [
				{
					property: "length",
					reason: `Attribute length value must be at least ${least}, got: ${args.length}`,
				},
			];
}

function bcrypt(text: string): string {
	const bytes = Buffer.from(text).subarray(0, BCRYPT_MAX_BYTES);
	return hashSync(bytes.toString(), BCRYPT_COST);
}

const password = drawnOnce(
	(inputs) => {
		const result = randomText(textOptions(inputs as unknown as TextArgs));
		return {
			id: "none",
			outputs: { ...textOutputs(inputs, result), bcryptHash: bcrypt(result) },
		};
	},
	{
		check: checkText,
		read: async (id, state) => ({
			id: "none",
			outputs:
				"result" in state
					? state
					: {
							...textOutputs({ length: [...id].length }, id),
							bcryptHash: bcrypt(id),
						},
		}),
	},
);

const string = drawnOnce(
	(inputs) => {
		const result = randomText(textOptions(inputs as unknown as TextArgs));
		return { id: result, outputs: textOutputs(inputs, result) };
	},
	{
		check: checkText,
		read: async (id, state) => ({
			id,
			outputs:
				"result" in state ? state : textOutputs({ length: [...id].length }, id),
		}),
	},
);

function bytesOutputs(drawn: Buffer): Properties {
	return {
		length: drawn.length,
		base64: drawn.toString("base64"),
		hex: drawn.toString("hex"),
	};
}

/*
 * The id is the bytes themselves, in plain, as the official plugin has it
 * (pulumi-random, computeRandomBytesID): not a place for keys.
 */
const bytes = drawnOnce(
	(inputs) => {
		const drawn = randomBytes(Number(inputs.length));
		return {
			id: drawn.toString("base64"),
			outputs: { ...inputs, ...bytesOutputs(drawn) },
		};
	},
	{
		read: async (id, state) => ({
			id,
			outputs:
				"base64" in state ? state : bytesOutputs(Buffer.from(id, "base64")),
		}),
	},
);

const id = drawnOnce((inputs) => {
	const drawn = randomBytes(Number(inputs.byteLength));
	const prefix = String(inputs.prefix ?? "");
	const url = drawn.toString("base64url");
	const hex = drawn.toString("hex");
	return {
		id: url,
		outputs: {
			...inputs,
			b64Url: prefix + url,
			b64Std: prefix + drawn.toString("base64"),
			hex: prefix + hex,
			dec: prefix + BigInt(`0x${hex || "0"}`).toString(),
		},
	};
});

const integer = drawnOnce((inputs) => {
	const { min, max } = inputs as { min: number; max: number };
	const result = randomInt(min, max + 1);
	return { id: String(result), outputs: { ...inputs, result } };
});

const pet = drawnOnce((inputs) => {
	const length = Number(inputs.length ?? 2);
	const separator = String(inputs.separator ?? "-");
	const name = petName(length, separator);
	return {
		id: inputs.prefix ? `${inputs.prefix}${separator}${name}` : name,
		outputs: { ...inputs, length, separator },
	};
});

const uuid = drawnOnce((inputs) => {
	const result = randomUUID();
	return { id: result, outputs: { ...inputs, result } };
});

/** Stand-in for pulumi-random. */
export const provider: Provider = {
	name: "random",
	version,
	spec: schema as unknown as PackageSpec,
	resources: {
		"random:index/randomBytes:RandomBytes": bytes,
		"random:index/randomId:RandomId": id,
		"random:index/randomInteger:RandomInteger": integer,
		"random:index/randomPassword:RandomPassword": password,
		"random:index/randomPet:RandomPet": pet,
		"random:index/randomString:RandomString": string,
		"random:index/randomUuid:RandomUuid": uuid,
	},
};
