import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import { MockMonitor, type Mocks } from "@pulumi/pulumi/runtime/mocks";

/** One resource as the program registered it. */
export interface Registered {
	type: string;
	name: string;
	custom: boolean;
	/** Plain values; a secret is a {@link Secret}. */
	inputs: Record<string, unknown>;
	/** Logical names. */
	dependsOn: string[];
	/** Logical name of an explicit provider. */
	provider: string | undefined;
	deletedWith: string | undefined;
	retainOnDelete: boolean;
	import: string | undefined;
	secretOutputs: string[];
}

/** A value that the engine would encrypt in its state. */
export class Secret {
	constructor(readonly value: unknown) {}
}

/** How the SDK marks a secret on the wire (sdk/go/common/resource/properties.go). */
const signature = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/**
 * Runs the program as the engine would, with mocks in the place of every
 * provider.
 *
 * @param stack the stack's name.
 * @param config full keys to values as `pulumi config` prints them.
 * @param secretKeys those that are encrypted.
 * @returns every resource, in the order of registration, and the outputs.
 */
export async function runProgram(run: {
	stack: string;
	config: Record<string, string>;
	secretKeys: string[];
	mocks: Mocks;
	preview?: boolean;
}): Promise<{ resources: Registered[]; outputs: unknown }> {
	const resources: Registered[] = [];
	const original = MockMonitor.prototype.registerResource;
	// Mocks see inputs only; options such as deletedWith are in the request.
	MockMonitor.prototype.registerResource = function (request, callback) {
		resources.push(registered(request));
		return original.call(this, request, callback);
	};
	try {
		pulumi.runtime.setAllConfig(run.config, run.secretKeys);
		// A language host tells the program so which keys are encrypted.
		process.env.PULUMI_CONFIG_SECRET_KEYS = JSON.stringify(run.secretKeys);
		await pulumi.runtime.setMocks(
			run.mocks,
			"cutover",
			run.stack,
			run.preview ?? false,
		);
		const program = require("../../index") as () => Promise<unknown>;
		const outputs = await pulumi.runtime.runInPulumiStack(program);
		await pulumi.runtime.disconnect();
		return { resources, outputs };
	} finally {
		MockMonitor.prototype.registerResource = original;
	}
}

function registered(request: RegisterResourceRequest): Registered {
	const inputs = request.getObject()?.toJavaScript() ?? {};
	return {
		type: request.getType(),
		name: request.getName(),
		custom: request.getCustom(),
		inputs: unwrap(inputs) as Record<string, unknown>,
		dependsOn: request.getDependenciesList().map(nameOf).sort(),
		// "URN::id"
		provider: request.getProvider().split("::").at(-2),
		deletedWith: request.getDeletedwith()
			? nameOf(request.getDeletedwith())
			: undefined,
		retainOnDelete: request.getRetainondelete() ?? false,
		import: request.getImportid() || undefined,
		secretOutputs: request.getAdditionalsecretoutputsList(),
	};
}

/** The logical name at the end of a URN. */
function nameOf(urn: string): string {
	return urn.split("::").at(-1) ?? urn;
}

function unwrap(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(unwrap);
	if (value === null || typeof value !== "object") return value;
	const entries = Object.entries(value);
	const fields = Object.fromEntries(entries);
	if (fields[signature] === secretSignature) {
		return new Secret(unwrap(fields.value));
	}
	return Object.fromEntries(entries.map(([key, item]) => [key, unwrap(item)]));
}
