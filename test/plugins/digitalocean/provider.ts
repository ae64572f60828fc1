import { version } from "@pulumi/digitalocean/package.json";
import type { Provider } from "../base/provider";
import type { PackageSpec } from "../base/schema";
import schema from "../schema/digitalocean.json";
import { configureApi } from "./client";
import { databaseCluster } from "./database-cluster";
import { databaseDb, databaseFirewall, databaseUser } from "./database-members";
import { domain } from "./domain";
import { droplet } from "./droplet";
import { firewall } from "./firewall";
import { functions } from "./functions";
import { project, projectResources } from "./project";
import { dnsRecord } from "./record";
import { reservedIp, reservedIpAssignment } from "./reserved-ip";
import { sshKey } from "./ssh-key";
import { tag } from "./tag";
import { uptimeAlert, uptimeCheck } from "./uptime";
import { vpc } from "./vpc";

/** Stand-in for pulumi-digitalocean. */
export const provider: Provider = {
	name: "digitalocean",
	version,
	spec: schema as unknown as PackageSpec,
	bridged: true,
	configure: configureApi,
	resources: {
		"digitalocean:index/databaseCluster:DatabaseCluster": databaseCluster,
		"digitalocean:index/databaseDb:DatabaseDb": databaseDb,
		"digitalocean:index/databaseFirewall:DatabaseFirewall": databaseFirewall,
		"digitalocean:index/databaseUser:DatabaseUser": databaseUser,
		"digitalocean:index/dnsRecord:DnsRecord": dnsRecord,
		"digitalocean:index/domain:Domain": domain,
		"digitalocean:index/droplet:Droplet": droplet,
		"digitalocean:index/firewall:Firewall": firewall,
		"digitalocean:index/project:Project": project,
		"digitalocean:index/projectResources:ProjectResources": projectResources,
		"digitalocean:index/reservedIp:ReservedIp": reservedIp,
		"digitalocean:index/reservedIpAssignment:ReservedIpAssignment":
			reservedIpAssignment,
		"digitalocean:index/sshKey:SshKey": sshKey,
		"digitalocean:index/tag:Tag": tag,
		"digitalocean:index/uptimeAlert:UptimeAlert": uptimeAlert,
		"digitalocean:index/uptimeCheck:UptimeCheck": uptimeCheck,
		"digitalocean:index/vpc:Vpc": vpc,
	},
	functions,
	describe: (error) =>
		`1 error occurred:\n\t* ${error instanceof Error ? error.message : String(error)}\n\n`,
};
