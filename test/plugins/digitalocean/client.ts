import { Api, type ApiConfiguration } from "./api";

let current: Api | undefined;

/** Sets what all later calls of `api()` use. */
export function configureApi(configuration: ApiConfiguration): void {
	current = new Api(configuration);
}

/** The API of this plugin's one configuration. */
export function api(): Api {
	current ??= new Api({});
	return current;
}
