import { Engine, type EngineConfiguration } from "./engine";

let current: Engine | undefined;

/** Sets what all later calls of `engine()` use. */
export function configureEngine(configuration: EngineConfiguration): void {
	current = new Engine(configuration);
}

/** The engine of this plugin's one configuration. */
export function engine(): Engine {
	current ??= new Engine({});
	return current;
}
