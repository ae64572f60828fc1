import * as pulumi from "@pulumi/pulumi";
import { caFile, type Database } from "../database";
import type { Secrets } from "../secrets";
import type { Settings } from "../settings";
import type { Swarm } from "../swarm";
import { httpGet, Service } from "./service";

export interface PostgresExporterArgs {
	swarm: Swarm;
	secrets: Secrets;
	database: Database;
	settings: Settings;
}

/** The left-out one asks for columns that PostgreSQL 17 does not have any more. */
export const postgresExporterFlags = ["--no-collector.bgwriter"];

/** The managed database's metrics, by a role that may read statistics and no row. */
export class PostgresExporter extends pulumi.ComponentResource {
	readonly service: Service;

	constructor(
		name: string,
		args: PostgresExporterArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:PostgresExporter", name, {}, opts);
		const { database } = args;
		this.service = new Service(
			name,
			{
				swarm: args.swarm,
				hostname: "postgres-exporter",
				image: args.settings.images.postgresExporter,
				args: postgresExporterFlags,
				environment: {
					DATA_SOURCE_URI: pulumi.interpolate`${database.host}:${database.port}/${database.name}?sslmode=verify-full&sslrootcert=${caFile}`,
					DATA_SOURCE_USER: database.observer.name,
					DATA_SOURCE_PASS_FILE: `/run/secrets/${passwordFile}`,
				},
				secrets: {
					[passwordFile]: args.secrets.observerPassword,
					"database-ca.crt": args.secrets.databaseCa,
				},
				limits: { cpus: 0.1, memoryMb: 64 },
				healthCheck: httpGet(9187, "/"),
				dependsOn: database.ready,
			},
			{ parent: this },
		);
		this.registerOutputs({});
	}
}

const passwordFile = "observer-password";
