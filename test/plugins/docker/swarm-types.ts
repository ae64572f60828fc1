/*
 * The parts of the Engine API's Service object (version 1.41) that the
 * stand-in writes and reads. Durations are nanoseconds.
 */

export interface FileReference {
	Name: string;
	UID: string;
	GID: string;
	Mode: number;
}

export interface Mount {
	Type: string;
	Target: string;
	Source?: string;
	ReadOnly?: boolean;
	BindOptions?: { Propagation?: string };
	VolumeOptions?: {
		NoCopy?: boolean;
		Labels?: Record<string, string>;
		DriverConfig?: { Name?: string; Options?: Record<string, string> };
	};
	TmpfsOptions?: { SizeBytes?: number; Mode?: number };
}

export interface ContainerSpec {
	Image: string;
	Labels?: Record<string, string>;
	Command?: string[];
	Args?: string[];
	Hostname?: string;
	Env?: string[];
	Dir?: string;
	User?: string;
	Groups?: string[];
	ReadOnly?: boolean;
	Mounts?: Mount[];
	StopSignal?: string;
	StopGracePeriod?: number;
	Healthcheck?: {
		Test?: string[];
		Interval?: number;
		Timeout?: number;
		StartPeriod?: number;
		Retries?: number;
	};
	Hosts?: string[];
	DNSConfig?: {
		Nameservers?: string[];
		Search?: string[];
		Options?: string[];
	};
	Secrets?: { SecretID: string; SecretName?: string; File?: FileReference }[];
	Configs?: { ConfigID: string; ConfigName?: string; File?: FileReference }[];
	Isolation?: string;
	Sysctls?: Record<string, string>;
	CapabilityAdd?: string[];
	CapabilityDrop?: string[];
	Init?: boolean;
}

export interface TaskSpec {
	ContainerSpec: ContainerSpec;
	Resources?: {
		Limits?: { NanoCPUs?: number; MemoryBytes?: number };
		Reservations?: { NanoCPUs?: number; MemoryBytes?: number };
	};
	RestartPolicy?: {
		Condition?: string;
		Delay?: number;
		MaxAttempts?: number;
		Window?: number;
	};
	Placement?: {
		Constraints?: string[];
		Preferences?: { Spread: { SpreadDescriptor: string } }[];
		MaxReplicas?: number;
		Platforms?: { Architecture: string; OS: string }[];
	};
	ForceUpdate?: number;
	Runtime?: string;
	Networks?: {
		Target: string;
		Aliases?: string[];
		DriverOpts?: Record<string, string>;
	}[];
	LogDriver?: { Name: string; Options?: Record<string, string> };
}

export interface UpdateConfig {
	Parallelism: number;
	Delay?: number;
	FailureAction?: string;
	Monitor?: number;
	MaxFailureRatio?: number;
	Order?: string;
}

export interface PortConfig {
	Name?: string;
	Protocol?: string;
	TargetPort?: number;
	PublishedPort?: number;
	PublishMode?: string;
}

export interface ServiceSpec {
	Name: string;
	Labels?: Record<string, string>;
	TaskTemplate: TaskSpec;
	Mode?: { Replicated?: { Replicas?: number }; Global?: object };
	UpdateConfig?: UpdateConfig;
	RollbackConfig?: UpdateConfig;
	EndpointSpec?: { Mode?: string; Ports?: PortConfig[] };
}

export interface Service {
	ID: string;
	Version: { Index: number };
	Spec: ServiceSpec;
	Endpoint?: { Spec?: { Mode?: string }; Ports?: PortConfig[] };
	UpdateStatus?: { State?: string; Message?: string };
}

export interface Task {
	ID: string;
	Slot?: number;
	NodeID?: string;
	DesiredState: string;
	CreatedAt: string;
	Status: {
		State: string;
		Err?: string;
		Message?: string;
		Timestamp?: string;
		ContainerStatus?: { ContainerID?: string; ExitCode?: number };
	};
}
