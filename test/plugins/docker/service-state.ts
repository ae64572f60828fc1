import { formatDuration } from "./durations";
import { labelList } from "./labels";
import type {
	ContainerSpec,
	FileReference,
	Mount,
	PortConfig,
	Service,
	TaskSpec,
	UpdateConfig,
} from "./swarm-types";

/*
 * From the Engine API's Service to the resource's outputs, as the official
 * provider flattens it: what is empty is left out, durations in Go's short
 * form.
 */

function some<T>(list: T[] | null | undefined): T[] | undefined {
	return list && list.length > 0 ? list : undefined;
}

function text(value: string | undefined): string | undefined {
	return value || undefined;
}

function map(
	value: Record<string, string> | null | undefined,
): Record<string, string> | undefined {
	return value && Object.keys(value).length > 0 ? value : undefined;
}

function file(reference: FileReference | undefined) {
	return reference
		? {
				fileName: reference.Name,
				fileUid: text(reference.UID),
				fileGid: text(reference.GID),
				fileMode: reference.Mode,
			}
		: {};
}

function mount(value: Mount) {
	return {
		target: value.Target,
		source: value.Source ?? "",
		type: value.Type,
		readOnly: value.ReadOnly ?? false,
		bindOptions: value.BindOptions && {
			propagation: text(value.BindOptions.Propagation),
		},
		volumeOptions: value.VolumeOptions && {
			noCopy: value.VolumeOptions.NoCopy ?? false,
			labels: labelList(value.VolumeOptions.Labels),
			driverName: text(value.VolumeOptions.DriverConfig?.Name),
			driverOptions: map(value.VolumeOptions.DriverConfig?.Options),
		},
		tmpfsOptions: value.TmpfsOptions && {
			sizeBytes: value.TmpfsOptions.SizeBytes ?? 0,
			mode: value.TmpfsOptions.Mode ?? 0,
		},
	};
}

function environment(env: string[] | undefined) {
	return map(
		Object.fromEntries(
			(env ?? []).map((entry) => {
				const [name = "", ...value] = entry.split("=");
				return [name, value.join("=")];
			}),
		),
	);
}

function container(spec: ContainerSpec) {
	const health = spec.Healthcheck;
	return {
		image: spec.Image,
		labels: labelList(spec.Labels),
		commands: some(spec.Command),
		args: some(spec.Args),
		hostname: text(spec.Hostname),
		env: environment(spec.Env),
		dir: text(spec.Dir),
		user: text(spec.User),
		groups: some(spec.Groups),
		readOnly: spec.ReadOnly || undefined,
		mounts: some(spec.Mounts?.map(mount)),
		stopSignal: text(spec.StopSignal),
		stopGracePeriod:
			spec.StopGracePeriod === undefined
				? undefined
				: formatDuration(spec.StopGracePeriod),
		healthcheck: health && {
			tests: some(health.Test),
			interval: formatDuration(health.Interval),
			timeout: formatDuration(health.Timeout),
			startPeriod: formatDuration(health.StartPeriod),
			retries: health.Retries ?? 0,
		},
		hosts: some(
			spec.Hosts?.map((entry) => {
				const [ip = "", host = ""] = entry.split(" ");
				return { ip, host };
			}),
		),
		dnsConfig: spec.DNSConfig && {
			nameservers: some(spec.DNSConfig.Nameservers),
			searches: some(spec.DNSConfig.Search),
			options: some(spec.DNSConfig.Options),
		},
		secrets: some(
			spec.Secrets?.map((secret) => ({
				secretId: secret.SecretID,
				secretName: text(secret.SecretName),
				...file(secret.File),
			})),
		),
		configs: some(
			spec.Configs?.map((config) => ({
				configId: config.ConfigID,
				configName: text(config.ConfigName),
				...file(config.File),
			})),
		),
		isolation: text(spec.Isolation),
		sysctl: map(spec.Sysctls),
		capAdds: some(spec.CapabilityAdd),
		capDrops: some(spec.CapabilityDrop),
		init: spec.Init,
	};
}

function amount(value: { NanoCPUs?: number; MemoryBytes?: number }) {
	return {
		nanoCpus: value.NanoCPUs ?? 0,
		memoryBytes: value.MemoryBytes ?? 0,
	};
}

function task(spec: TaskSpec) {
	const { Resources, RestartPolicy: restart, Placement: place } = spec;
	return {
		containerSpec: container(spec.ContainerSpec),
		resources: Resources && {
			limits: Resources.Limits && amount(Resources.Limits),
			reservation: Resources.Reservations && amount(Resources.Reservations),
		},
		restartPolicy: restart && {
			condition: text(restart.Condition),
			delay:
				restart.Delay === undefined ? undefined : formatDuration(restart.Delay),
			maxAttempts: restart.MaxAttempts,
			window:
				restart.Window === undefined
					? undefined
					: formatDuration(restart.Window),
		},
		placement: place && {
			constraints: some(place.Constraints),
			prefs: some(
				place.Preferences?.map(({ Spread }) => Spread.SpreadDescriptor),
			),
			platforms: some(
				place.Platforms?.map(({ Architecture, OS }) => ({
					architecture: Architecture,
					os: OS,
				})),
			),
			maxReplicas: place.MaxReplicas ?? 0,
		},
		forceUpdate: spec.ForceUpdate ?? 0,
		runtime: text(spec.Runtime),
		// By id only, also where the program named the network: the official
		// provider then replaces the service each time, and says so in its schema.
		networksAdvanceds: some(
			spec.Networks?.map((network) => ({
				id: network.Target,
				aliases: some(network.Aliases),
				driverOpts: some(
					Object.entries(network.DriverOpts ?? {}).map(
						([key, value]) => `${key}=${value}`,
					),
				),
			})),
		),
		logDriver: spec.LogDriver && {
			name: spec.LogDriver.Name,
			options: map(spec.LogDriver.Options),
		},
	};
}

function change(config: UpdateConfig | undefined) {
	return (
		config && {
			parallelism: config.Parallelism,
			delay: formatDuration(config.Delay),
			failureAction: config.FailureAction ?? "",
			monitor: formatDuration(config.Monitor),
			maxFailureRatio: (config.MaxFailureRatio ?? 0).toFixed(1),
			order: config.Order ?? "",
		}
	);
}

function port(config: PortConfig) {
	return {
		name: config.Name ?? "",
		protocol: config.Protocol ?? "",
		targetPort: config.TargetPort ?? 0,
		publishedPort: config.PublishedPort ?? 0,
		publishMode: config.PublishMode ?? "",
	};
}

/** Whether the engine tells all of a new service yet. */
export function isComplete(service: Service): boolean {
	return Boolean(
		service.Endpoint?.Spec?.Mode || service.Spec.EndpointSpec?.Mode,
	);
}

/** The outputs of a service, but for what only the program knows. */
export function serviceState(service: Service) {
	const { Spec: spec, Endpoint: endpoint } = service;
	const replicated = spec.Mode?.Replicated;
	return {
		name: spec.Name,
		labels: labelList(spec.Labels) ?? [],
		taskSpec: task(spec.TaskTemplate),
		mode: {
			replicated: replicated && { replicas: replicated.Replicas ?? 1 },
			global: spec.Mode?.Global !== undefined,
		},
		updateConfig: change(spec.UpdateConfig),
		rollbackConfig: change(spec.RollbackConfig),
		endpointSpec: {
			mode: endpoint?.Spec?.Mode || spec.EndpointSpec?.Mode || "",
			ports: some(
				(endpoint?.Spec?.Mode ? endpoint.Ports : spec.EndpointSpec?.Ports)?.map(
					port,
				),
			),
		},
	};
}
