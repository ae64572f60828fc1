import type { FunctionType, Operation, ResourceType } from "./resource";
import type { Failure } from "./schema";

/** Outputs of a resource, with the id that names it. */
export interface Made<State> {
	id: string;
	outputs: State;
}

/** A resource type in the terms of the official SDK's types. */
export interface TypedResource<Args, State>
	extends Pick<
		ResourceType,
		"sets" | "writeOnly" | "replaces" | "same" | "unknownOnUpdate"
	> {
	defaults?: (inputs: Args) => Partial<Args>;
	check?: (inputs: Args) => Failure[];
	create(inputs: Args, operation: Operation): Promise<Made<State>>;
	read?(
		id: string,
		state: Partial<State>,
		operation: Operation,
	): Promise<Made<State> | undefined>;
	update?(
		id: string,
		olds: State,
		news: Args,
		operation: Operation,
	): Promise<State>;
	delete?(id: string, state: State, operation: Operation): Promise<void>;
}

/**
 * A typed resource as the server takes it. The schema has been checked by then,
 * so that the types hold; only `check` may meet values that are not known yet.
 */
export function typed<Args, State>(
	resource: TypedResource<Args, State>,
): ResourceType {
	return resource as unknown as ResourceType;
}

/** A typed function as the server takes it. */
export function typedFunction<Args, Result>(
	run: (
		args: Args,
		operation: Pick<Operation, "engine" | "signal">,
	) => Promise<Result>,
): FunctionType {
	return run as unknown as FunctionType;
}
