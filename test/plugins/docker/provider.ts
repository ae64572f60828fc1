import { version } from "@pulumi/docker/package.json";
import type { Provider } from "../base/provider";
import type { PackageSpec } from "../base/schema";
import schema from "../schema/docker.json";
import { configureEngine } from "./client";
import { remoteImage } from "./image";
import { network } from "./network";
import { secret, serviceConfig } from "./secret";
import { service } from "./service";
import { volume } from "./volume";

/** Stand-in for pulumi-docker. */
export const provider: Provider = {
	name: "docker",
	version,
	spec: schema as unknown as PackageSpec,
	bridged: true,
	configure: configureEngine,
	resources: {
		"docker:index/network:Network": network,
		"docker:index/remoteImage:RemoteImage": remoteImage,
		"docker:index/secret:Secret": secret,
		"docker:index/service:Service": service,
		"docker:index/serviceConfig:ServiceConfig": serviceConfig,
		"docker:index/volume:Volume": volume,
	},
	describe: (error) =>
		`1 error occurred:\n\t* ${error instanceof Error ? error.message : String(error)}\n\n`,
};
