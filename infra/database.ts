import { remote } from "@pulumi/command";
import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { Network } from "./network";
import { connection } from "./remote";
import type { Server } from "./server";

export interface DatabaseArgs {
	stack: string;
	network: Network;
	server: Server;
	region: string;
	/** A change resizes in place; the managed service fails over. */
	size: string;
	/** Major version. A higher one upgrades in place, with downtime. */
	version: string;
	/** False: a destroy leaves cluster and firewall, and says so. A change costs nothing. */
	allowDataLoss: boolean;
}

/** Where the backend finds the cluster's CA: a Swarm secret of this name. */
export const caFile = "/run/secrets/database-ca.crt";

const database = "app";
const user = "app";
const observer = "observer";

/**
 * An address that nobody has (RFC 5737). Droplets leave the list with a destroy, and
 * an empty one would admit everybody who knows the password of a cluster that stays.
 */
const nobody = { type: "ip_addr", value: "192.0.2.1" };

/**
 * The managed PostgreSQL: cluster in the VPC, one database, one role that owns
 * what it creates there, one that reads statistics, and a firewall that admits the
 * Droplets alone. A change of region replaces the cluster: roll back first. What it
 * replaces or a destroy takes away stays at DigitalOcean, unless data loss is
 * allowed: names have a random part, so that a new one may stand beside it.
 */
export class Database extends pulumi.ComponentResource {
	readonly cluster: digitalocean.DatabaseCluster;
	/** Resolves in the VPC only. */
	readonly host: pulumi.Output<string>;
	readonly port: pulumi.Output<number>;
	readonly name: pulumi.Output<string>;
	readonly user: pulumi.Output<string>;
	/** The role that reads statistics and no row. */
	readonly observer: {
		readonly name: pulumi.Output<string>;
		/** Secret. */
		readonly password: pulumi.Output<string>;
	};
	/** PEM of the cluster's CA; public. */
	readonly ca: pulumi.Output<string>;
	/** Full verification; the reader adds the CA its own way. Secret. */
	readonly url: pulumi.Output<string>;
	/** As the administrator, who may create databases. Secret. */
	readonly adminUrl: pulumi.Output<string>;
	/** `url` for a container that has the CA as a file. Secret. */
	readonly urlWithCaFile: pulumi.Output<string>;
	/** Settles when the Droplets may connect and the role may create. */
	readonly ready: pulumi.Resource[];

	constructor(
		name: string,
		args: DatabaseArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Database", name, {}, opts);
		const own = { parent: this };
		const kept = { ...own, retainOnDelete: !args.allowDataLoss };
		const suffix = new random.RandomId(
			`${name}-suffix`,
			{ byteLength: 4 },
			own,
		);
		this.cluster = new digitalocean.DatabaseCluster(
			`${name}-cluster`,
			{
				name: pulumi.interpolate`cutover-${args.stack}-${suffix.hex}`,
				engine: "pg",
				version: args.version,
				region: args.region,
				size: args.size,
				nodeCount: 1,
				privateNetworkUuid: args.network.vpcId,
				tags: [args.network.tag],
			},
			kept,
		);
		const inCluster = {
			clusterId: this.cluster.id,
		};
		const insideCluster = { ...kept, deletedWith: this.cluster };
		const db = new digitalocean.DatabaseDb(
			`${name}-db`,
			{ ...inCluster, name: database },
			insideCluster,
		);
		const role = new digitalocean.DatabaseUser(
			`${name}-user`,
			{ ...inCluster, name: user },
			insideCluster,
		);
		const watching = new digitalocean.DatabaseUser(
			`${name}-observer`,
			{ ...inCluster, name: observer },
			insideCluster,
		);
		const firewall = new digitalocean.DatabaseFirewall(
			`${name}-firewall`,
			{
				...inCluster,
				rules: [
					...args.server.dropletIds.map((value) => ({
						type: "droplet",
						value,
					})),
					nobody,
				],
			},
			insideCluster,
		);

		this.host = this.cluster.privateHost;
		this.port = this.cluster.port;
		this.name = db.name;
		this.user = role.name;
		this.observer = {
			name: watching.name,
			password: pulumi.secret(watching.password),
		};
		this.ca = digitalocean.getDatabaseCaOutput(inCluster).certificate;
		this.url = pulumi.secret(
			pulumi
				.all([role.password, this.host, this.port, db.name])
				.apply(
					([password, host, port, dbName]) =>
						`postgresql://${user}:${encodeURIComponent(password)}@${host}:${port}/${dbName}?sslmode=verify-full`,
				),
		);
		this.adminUrl = pulumi.secret(
			pulumi
				.all([
					...[this.cluster.user, this.cluster.password],
					...[this.host, this.port.apply(String), db.name],
				])
				.apply(
					([admin, password, host, port, dbName]) =>
						`postgresql://${admin}:${encodeURIComponent(password ?? "")}@${host}:${port}/${dbName}?sslmode=verify-full`,
				),
		);
		this.urlWithCaFile = pulumi.interpolate`${this.url}&sslrootcert=${caFile}`;

		const grants = new remote.Command(
			`${name}-grants`,
			{
				connection: connection(args.server.manager.ssh),
				create: grantScript,
				stdin: pulumi.secret(
					pulumi
						.all([
							...[this.host, this.port.apply(String), db.name],
							...[this.cluster.user, this.cluster.password, this.ca],
						])
						.apply((lines) => lines.join("\n")),
				),
				addPreviousOutputInEnv: false,
			},
			{
				...own,
				dependsOn: [args.server.engine, firewall, role, watching],
				deletedWith: this.cluster,
			},
		);
		this.ready = [firewall, grants];
		this.registerOutputs({});
	}
}

/**
 * From PostgreSQL 15 on a role that does not own the database may create
 * nothing in it. Standard input: one line for each of libpq's variables, then
 * the CA's PEM; psql's own arguments could be seen.
 */
const connectionLines = [
	"PGHOST",
	"PGPORT",
	"PGDATABASE",
	"PGUSER",
	"PGPASSWORD",
] as const;

const grantScript = [
	"set -e; umask 077",
	"folder=$(mktemp -d); trap 'rm -rf \"$folder\"' EXIT",
	`for name in ${connectionLines.join(" ")}; do IFS= read -r value; export "$name=$value"; done`,
	'cat >"$folder/ca.crt"',
	'export PGSSLMODE=verify-full PGSSLROOTCERT="$folder/ca.crt"',
	`psql -v ON_ERROR_STOP=1 -q -c 'GRANT CREATE ON DATABASE "${database}" TO "${user}"' -c 'GRANT CREATE, USAGE ON SCHEMA public TO "${user}"'`,
	// From PostgreSQL 16 on it is the provider's to allow: no reason to deploy nothing.
	`psql -v ON_ERROR_STOP=1 -q -c 'GRANT pg_monitor TO "${observer}"' || echo 'warning: ${observer} sees no statistics but its own: sessions, locks and long transactions of others are missing from the metrics' >&2`,
].join("\n");
