import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { Secrets } from "../secrets";
import type { Settings } from "../settings";
import type { Swarm } from "../swarm";
import { configFile, nodeGet, Service } from "./service";

export interface BackendArgs {
	swarm: Swarm;
	secrets: Secrets;
	settings: Settings;
	environment: string;
	/** What must be done first: the schema. */
	dependsOn: pulumi.Resource[];
}

/** Where the entrypoint stands in the container. */
const entrypoint = "/usr/local/bin/secrets-to-environment";

/** The script that exports secret files as environment variables. */
export const entrypointScript = readFileSync(
	join(__dirname, "secrets-to-environment.sh"),
	"utf8",
);

/** The API. Two tasks by default, so that one is left when the other fails. */
export class Backend extends pulumi.ComponentResource {
	readonly service: Service;

	constructor(
		name: string,
		args: BackendArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Backend", name, {}, opts);
		const { swarm, settings } = args;
		const { images, backend } = settings;
		const script = configFile(
			`${name}-entrypoint`,
			entrypointScript,
			swarm,
			this,
		);
		this.service = new Service(
			name,
			{
				swarm,
				hostname: "backend",
				image: images.backend,
				command: ["/bin/sh", entrypoint],
				args: backend.command,
				environment: backendEnvironment(args.environment, settings),
				secrets: args.secrets.backend,
				configs: { [entrypoint]: script },
				replicas: backend.replicas,
				limits: { cpus: 1, memoryMb: 1024 },
				// Live, not ready: an outage of the database must not have the Swarm
				// kill every task.
				healthCheck: nodeGet(3000, "/health/live"),
				dependsOn: args.dependsOn,
			},
			{ parent: this },
		);
		this.registerOutputs({});
	}
}

/** What is no secret of the backend's environment. */
export function backendEnvironment(
	environment: string,
	{ domain, images, stackAuth }: Settings,
): Record<string, string> {
	return {
		ENVIRONMENT: environment,
		NODE_ENV: "production",
		PORT: "3000",
		// The page's own origin: browsers on it may call the API.
		SITE_ORIGIN: `https://${domain}`,
		STACK_AUTH_API_URL: stackAuth.apiUrl,
		STACK_AUTH_PROJECT_ID: stackAuth.projectId,
		STACK_AUTH_PUBLISHABLE_CLIENT_KEY: stackAuth.publishableClientKey,
		VERSION: versionOf(images.backend),
	};
}

/** The tag of an image reference, which is the release it carries. */
export function versionOf(image: string): string {
	return image.replace(/@.*$/, "").replace(/^.*:/, "");
}
