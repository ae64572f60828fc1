const digitalocean = (name: string) =>
	`digitalocean:index/${name[0]?.toLowerCase()}${name.slice(1)}:${name}`;
const docker = (name: string) =>
	`docker:index/${name[0]?.toLowerCase()}${name.slice(1)}:${name}`;
const random = (name: string) =>
	`random:index/${name[0]?.toLowerCase()}${name.slice(1)}:${name}`;
const digitaloceanFunction = (name: string) =>
	`digitalocean:index/${name}:${name}`;

/** Tokens of the resources and functions that the stand-ins serve. */
export const served = {
	random: {
		resources: [
			"RandomBytes",
			"RandomId",
			"RandomInteger",
			"RandomPassword",
			"RandomPet",
			"RandomString",
			"RandomUuid",
		].map(random),
		functions: [],
	},
	command: {
		resources: [
			"command:local:Command",
			"command:remote:Command",
			"command:remote:CopyToRemote",
		],
		functions: ["command:local:run"],
	},
	digitalocean: {
		resources: [
			"DatabaseCluster",
			"DatabaseDb",
			"DatabaseFirewall",
			"DatabaseUser",
			"DnsRecord",
			"Domain",
			"Droplet",
			"Firewall",
			"Project",
			"ProjectResources",
			"ReservedIp",
			"ReservedIpAssignment",
			"SshKey",
			"Tag",
			"UptimeAlert",
			"UptimeCheck",
			"Vpc",
		].map(digitalocean),
		functions: [
			"getAccount",
			"getDatabaseCa",
			"getDatabaseCluster",
			"getDomain",
			"getDomains",
			"getDroplet",
			"getRecord",
			"getRecords",
			"getSshKey",
			"getSshKeys",
			"getTag",
		].map(digitaloceanFunction),
	},
	docker: {
		resources: [
			"Network",
			"RemoteImage",
			"Secret",
			"Service",
			"ServiceConfig",
			"Volume",
		].map(docker),
		functions: [],
	},
} satisfies Record<string, { resources: string[]; functions: string[] }>;
