import type { ServiceArgs, types } from "@pulumi/docker";
import type { Unwrap } from "@pulumi/pulumi";
import { nanoseconds } from "./durations";
import { labelMap } from "./labels";
import type {
	ContainerSpec,
	FileReference,
	Mount,
	ServiceSpec,
	TaskSpec,
	UpdateConfig,
} from "./swarm-types";

/*
 * From the program's arguments to the Engine API's ServiceSpec, with the
 * defaults of the official provider (terraform-provider-docker,
 * resource_docker_service_structures.go). Blocks that the program leaves out
 * go out empty as there, so that the engine fills in the same.
 */

export type Args = Unwrap<ServiceArgs>;
type TaskArgs = Unwrap<types.input.ServiceTaskSpec>;
type ContainerArgs = TaskArgs["containerSpec"];
type MountArgs = NonNullable<ContainerArgs["mounts"]>[number];
type ChangeArgs = NonNullable<Args["updateConfig"]>;

/** Readable by all, as Swarm itself mounts secrets. */
const FILE_MODE = 0o444;

function fileReference(file: {
	fileName: string;
	fileUid?: string;
	fileGid?: string;
	fileMode?: number;
}): FileReference {
	return {
		Name: file.fileName,
		UID: file.fileUid ?? "0",
		GID: file.fileGid ?? "0",
		Mode: file.fileMode ?? FILE_MODE,
	};
}

function mount(args: MountArgs): Mount {
	const volume = args.volumeOptions;
	return {
		Type: args.type,
		Target: args.target,
		Source: args.source ?? "",
		ReadOnly: args.readOnly ?? false,
		...(args.bindOptions
			? {
					BindOptions: {
						Propagation: args.bindOptions.propagation ?? "rprivate",
					},
				}
			: {}),
		...(volume
			? {
					VolumeOptions: {
						NoCopy: volume.noCopy ?? false,
						Labels: labelMap(volume.labels),
						DriverConfig: {
							Name: volume.driverName ?? "",
							Options: volume.driverOptions ?? {},
						},
					},
				}
			: {}),
		...(args.tmpfsOptions
			? {
					TmpfsOptions: {
						SizeBytes: args.tmpfsOptions.sizeBytes ?? 0,
						Mode: args.tmpfsOptions.mode ?? 0,
					},
				}
			: {}),
	};
}

function healthcheck(
	args: ContainerArgs["healthcheck"],
): NonNullable<ContainerSpec["Healthcheck"]> {
	return args
		? {
				Test: args.tests ?? [],
				Interval: nanoseconds(args.interval),
				Timeout: nanoseconds(args.timeout),
				StartPeriod: nanoseconds(args.startPeriod),
				Retries: args.retries ?? 0,
			}
		: {};
}

function container(args: ContainerArgs): ContainerSpec {
	return {
		Image: withTag(args.image),
		Labels: labelMap(args.labels),
		Command: args.commands ?? [],
		Args: args.args ?? [],
		Hostname: args.hostname ?? "",
		Env: Object.entries(args.env ?? {}).map(
			([name, value]) => `${name}=${value}`,
		),
		Dir: args.dir ?? "",
		User: args.user ?? "",
		Groups: args.groups ?? [],
		ReadOnly: args.readOnly ?? false,
		Mounts: (args.mounts ?? []).map(mount),
		StopSignal: args.stopSignal ?? "",
		StopGracePeriod: nanoseconds(args.stopGracePeriod),
		Healthcheck: healthcheck(args.healthcheck),
		Hosts: (args.hosts ?? []).map(({ ip, host }) => `${ip} ${host}`),
		DNSConfig: args.dnsConfig
			? {
					Nameservers: args.dnsConfig.nameservers,
					Search: args.dnsConfig.searches ?? [],
					Options: args.dnsConfig.options ?? [],
				}
			: {},
		Secrets: (args.secrets ?? []).map((secret) => ({
			SecretID: secret.secretId,
			SecretName: secret.secretName ?? "",
			File: fileReference(secret),
		})),
		Configs: (args.configs ?? []).map((config) => ({
			ConfigID: config.configId,
			ConfigName: config.configName ?? "",
			File: fileReference(config),
		})),
		Isolation: args.isolation ?? "default",
		Sysctls: args.sysctl ?? {},
		CapabilityAdd: args.capAdds ?? [],
		CapabilityDrop: args.capDrops ?? [],
		Init: args.init ?? false,
	};
}

/** docker's client adds the tag that a reference without one stands for. */
function withTag(image: string): string {
	const name = image.slice(image.lastIndexOf("/") + 1);
	return name.includes(":") || name.includes("@") ? image : `${image}:latest`;
}

function resources(args: TaskArgs["resources"]): TaskSpec["Resources"] {
	const amount = (
		value: { nanoCpus?: number; memoryBytes?: number } | undefined,
	) => ({
		NanoCPUs: value?.nanoCpus ?? 0,
		MemoryBytes: value?.memoryBytes ?? 0,
	});
	return {
		...(args?.limits ? { Limits: amount(args.limits) } : {}),
		...(args?.reservation ? { Reservations: amount(args.reservation) } : {}),
	};
}

function restartPolicy(
	args: TaskArgs["restartPolicy"],
): TaskSpec["RestartPolicy"] {
	return args
		? {
				Condition: args.condition ?? "",
				Delay: nanoseconds(args.delay),
				MaxAttempts: args.maxAttempts ?? 0,
				Window: nanoseconds(args.window),
			}
		: {};
}

function placement(args: TaskArgs["placement"]): TaskSpec["Placement"] {
	return {
		Constraints: args?.constraints ?? [],
		Preferences: (args?.prefs ?? []).map((SpreadDescriptor) => ({
			Spread: { SpreadDescriptor },
		})),
		MaxReplicas: args?.maxReplicas ?? 0,
		Platforms: (args?.platforms ?? []).map(({ architecture, os }) => ({
			Architecture: architecture,
			OS: os,
		})),
	};
}

/** @throws Error for a network that is named neither by id nor by name */
function networks(args: TaskArgs["networksAdvanceds"]): TaskSpec["Networks"] {
	return (args ?? []).map((network) => {
		const target = network.id || network.name;
		if (!target) {
			throw new Error("network 'name' or 'id' must be specified");
		}
		return {
			Target: target,
			Aliases: network.aliases ?? [],
			DriverOpts: Object.fromEntries(
				(network.driverOpts ?? []).map((option) => {
					const [key, ...value] = option.split("=");
					return [key, value.join("=")];
				}),
			),
		};
	});
}

function change(args: ChangeArgs): UpdateConfig {
	return {
		Parallelism: args.parallelism ?? 1,
		Delay: nanoseconds(args.delay),
		FailureAction: args.failureAction ?? "pause",
		Monitor: nanoseconds(args.monitor ?? "5s"),
		MaxFailureRatio: Number(args.maxFailureRatio ?? 0),
		Order: args.order ?? "stop-first",
	};
}

function mode(args: Args["mode"]): ServiceSpec["Mode"] {
	return {
		...(args?.replicated
			? { Replicated: { Replicas: args.replicated.replicas ?? 1 } }
			: {}),
		...(args?.global ? { Global: {} } : {}),
	};
}

/** The engine's specification of a service. */
export function serviceSpec(args: Args): ServiceSpec {
	const { taskSpec } = args;
	return {
		Name: args.name ?? "",
		Labels: labelMap(args.labels),
		TaskTemplate: {
			ContainerSpec: container(taskSpec.containerSpec),
			Resources: resources(taskSpec.resources),
			RestartPolicy: restartPolicy(taskSpec.restartPolicy),
			Placement: placement(taskSpec.placement),
			ForceUpdate: taskSpec.forceUpdate ?? 0,
			...(taskSpec.runtime ? { Runtime: taskSpec.runtime } : {}),
			Networks: networks(taskSpec.networksAdvanceds),
			...(taskSpec.logDriver
				? {
						LogDriver: {
							Name: taskSpec.logDriver.name,
							Options: taskSpec.logDriver.options ?? {},
						},
					}
				: {}),
		},
		Mode: mode(args.mode),
		...(args.updateConfig ? { UpdateConfig: change(args.updateConfig) } : {}),
		...(args.rollbackConfig
			? { RollbackConfig: change(args.rollbackConfig) }
			: {}),
		EndpointSpec: {
			...(args.endpointSpec?.mode ? { Mode: args.endpointSpec.mode } : {}),
			Ports: (args.endpointSpec?.ports ?? []).map((port) => ({
				Name: port.name ?? "",
				Protocol: port.protocol ?? "tcp",
				TargetPort: port.targetPort,
				PublishedPort: port.publishedPort ?? 0,
				PublishMode: port.publishMode ?? "ingress",
			})),
		},
	};
}
