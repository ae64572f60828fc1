import type { Engine } from "./engine";
import type { Failure } from "./schema";
import type { Properties, Value } from "./values";

/** What every operation on a resource gets besides its properties. */
export interface Operation {
	urn: string;
	/** The resource's name in the program. */
	name: string;
	/** Tells the person at the terminal. */
	engine: Engine;
	/** Aborted when the engine cancels the run. */
	signal: AbortSignal;
	/** `customTimeouts` of the resource in seconds; 0 where none is set. */
	timeout: number;
}

export interface Created {
	id: string;
	outputs: Properties;
}

/**
 * One resource type. Properties come in and go out in plain: the server puts
 * secrets back where the schema or the inputs have them.
 */
export interface ResourceType {
	/** Schema paths of lists whose order has no meaning. */
	sets?: readonly string[];
	/** Top-level inputs that a read cannot tell; a refresh leaves them alone. */
	writeOnly?: readonly string[];
	/**
	 * Whether a change at a schema path replaces the resource, where the
	 * official plugin decides that in code instead of in its schema.
	 */
	replaces?: (path: string) => boolean;
	/** Whether two unequal values at a schema path mean the same. */
	same?: (path: string, before: Value, after: Value) => boolean;
	/** Defaults that the official plugin adds to the inputs when it checks them. */
	defaults?: (inputs: Properties) => Properties;
	/** Checks beyond the schema. Values may be `UNKNOWN`. */
	check?: (inputs: Properties) => Failure[];
	/** Outputs that a preview of an update cannot know any more. */
	unknownOnUpdate?: readonly string[];
	create(inputs: Properties, operation: Operation): Promise<Created>;
	/**
	 * The resource as it is now, or undefined where it is gone. On an import
	 * `state` is empty.
	 */
	read?(
		id: string,
		state: Properties,
		operation: Operation,
	): Promise<Created | undefined>;
	/** Without it every change replaces. */
	update?(
		id: string,
		olds: Properties,
		news: Properties,
		operation: Operation,
	): Promise<Properties>;
	delete?(id: string, state: Properties, operation: Operation): Promise<void>;
}

/** A function of a package. */
export type FunctionType = (
	args: Properties,
	operation: Pick<Operation, "engine" | "signal">,
) => Promise<Properties>;

/**
 * A resource that exists but did not become what it should: the engine keeps
 * it in the state with these reasons and the next run tries again.
 */
export class InitializationFailed extends Error {
	readonly id: string;
	readonly outputs: Properties;
	constructor(id: string, outputs: Properties, reason: string) {
		super(reason);
		this.id = id;
		this.outputs = outputs;
	}
}
