import { randomBytes } from "node:crypto";
import type { Operation, ResourceType } from "../base/resource";
import type { Properties } from "../base/values";
import type { Output } from "./output";

/** The inputs that decide which command runs when. */
interface Commands {
	create?: string;
	update?: string;
	delete?: string;
}

/**
 * Runs one command line.
 *
 * @param inputs the resource's inputs, or its state when it is deleted
 * @param previous what the last command of the resource printed
 * @returns outputs besides the inputs
 */
export type Runner = (
	command: string,
	inputs: Properties,
	previous: Partial<Output>,
	operation: Operation,
) => Promise<Output & Properties>;

/**
 * The life of a command resource: `create` makes it, `update` (else `create`
 * again) follows a change of inputs, `delete` undoes it, changed `triggers`
 * do both; a command that is not given does nothing (pulumi-command,
 * local/commandController.go and remote/commandController.go).
 */
export function commandResource(run: Runner): ResourceType {
	const printed = (state: Properties): Partial<Output> => ({
		stdout: String(state.stdout ?? ""),
		stderr: String(state.stderr ?? ""),
	});
	return {
		unknownOnUpdate: ["stdout", "stderr"],
		async create(inputs, operation) {
			const { create } = inputs as Commands;
			const outputs = create
				? await run(create, inputs, {}, operation)
				: { stdout: "", stderr: "" };
			return {
				id: uniqueId(operation.name),
				outputs: { ...inputs, ...outputs },
			};
		},
		async update(_id, olds, news, operation) {
			const commands = news as Commands;
			const command = commands.update ?? commands.create;
			const outputs = command
				? await run(command, news, printed(olds), operation)
				: printed(olds);
			return { ...news, ...outputs };
		},
		async delete(_id, state, operation) {
			const command = (state as Commands).delete;
			if (command) {
				await run(command, state, printed(state), operation);
			}
		},
	};
}

/** The resource's name and eight hex digits, as resource.NewUniqueHex. */
export function uniqueId(name: string): string {
	return name + randomBytes(4).toString("hex");
}
