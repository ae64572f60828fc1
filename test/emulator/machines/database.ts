import { escapeIdentifier, escapeLiteral } from "pg";
import type { ContainerSpec } from "./engine";
import type { Machine } from "./machine";
import type { DatabaseSpec } from "./types";

const IMAGE = "cutover/postgres:latest";
const MIB = 2 ** 20;

/** The container that a database cluster runs in; see test/images/postgres. */
export function databaseContainer(
	spec: DatabaseSpec,
	place: Pick<ContainerSpec, "name" | "labels" | "network" | "address"> & {
		privateIp: string;
	},
): ContainerSpec {
	const { privateIp, ...container } = place;
	const names = [
		`DNS:${spec.hostnames.public}`,
		`DNS:${spec.hostnames.private}`,
		`IP:${place.address}`,
		`IP:${privateIp}`,
	];
	return {
		...container,
		image: IMAGE,
		hostname: spec.name,
		environment: {
			POSTGRES_VERSION: spec.version,
			POSTGRES_PORT: String(spec.port),
			CERTIFICATE_NAMES: names.join(","),
		},
		host: {
			CapDrop: ["ALL"],
			// For addresses and firewall; the server itself runs without.
			CapAdd: ["NET_ADMIN", "NET_RAW"],
			// Docker's 64 MB are too few for parallel queries.
			ShmSize: 256 * MIB,
		},
	};
}

/** Shell that waits until the server takes TLS connections with the right certificate. */
export function readyScript(spec: DatabaseSpec): string {
	return `tries=0
until answer=$(openssl s_client -starttls postgres -connect 127.0.0.1:${spec.port} \\
	-CAfile /var/lib/postgresql/tls/ca.crt -verify_return_error \\
	-verify_hostname ${spec.hostnames.private} </dev/null 2>&1); do
	tries=$((tries + 1))
	[ $tries -lt 600 ] || { echo "PostgreSQL did not answer over TLS within 60 s: $answer" >&2; exit 1; }
	sleep 0.1
done`;
}

/** SQL on one cluster, as the superuser that DigitalOcean keeps for itself. */
export class DatabaseAdministration {
	constructor(
		readonly machine: Machine,
		readonly spec: DatabaseSpec,
	) {}

	/** PEM of the cluster's CA. */
	authority(): Promise<string> {
		return this.machine.engine.run(
			this.machine.name,
			["cat", "/var/lib/postgresql/tls/ca.crt"],
			{ user: "postgres" },
		);
	}

	/**
	 * The administrator's role as DigitalOcean makes it: it creates roles and
	 * databases, but is not a superuser.
	 */
	async createAdministrator(): Promise<void> {
		const { user, password, database } = this.spec.admin;
		const role = escapeIdentifier(user);
		await this.#sql(`
			CREATE ROLE ${role} LOGIN CREATEDB CREATEROLE REPLICATION BYPASSRLS
				PASSWORD ${escapeLiteral(password)};
			GRANT pg_monitor, pg_signal_backend TO ${role} WITH ADMIN OPTION;`);
		await this.addDatabase(database);
	}

	/** Like those made by DigitalOcean's API, it belongs to the administrator. */
	async addDatabase(name: string): Promise<void> {
		const create = `CREATE DATABASE ${escapeIdentifier(name)} OWNER ${escapeIdentifier(this.spec.admin.user)}`;
		await this.#sql(`
			SELECT ${escapeLiteral(create)}
			WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = ${escapeLiteral(name)})
			\\gexec`);
	}

	/** Ends the sessions on it, too. */
	async dropDatabase(name: string): Promise<void> {
		await this.#sql(
			`DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE);`,
		);
	}

	/**
	 * Creates the user or sets its password. It is the administrator who creates
	 * it, so that it may also grant to it; it starts without any privilege.
	 */
	async setUser(name: string, password: string): Promise<void> {
		const role = escapeIdentifier(name);
		await this.#sql(`
			SET SESSION AUTHORIZATION ${escapeIdentifier(this.spec.admin.user)};
			SELECT ${escapeLiteral(`CREATE ROLE ${role} LOGIN`)}
			WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${escapeLiteral(name)})
			\\gexec
			RESET SESSION AUTHORIZATION;
			ALTER ROLE ${role} PASSWORD ${escapeLiteral(password)};`);
	}

	/** What the user owned goes to the administrator: no data is lost with a user. */
	async dropUser(name: string): Promise<void> {
		const role = escapeIdentifier(name);
		const exists = `SELECT FROM pg_roles WHERE rolname = ${escapeLiteral(name)}`;
		const databases = await this.#sql(
			`SELECT datname FROM pg_database WHERE datallowconn AND EXISTS (${exists});`,
		);
		for (const database of databases.split("\n").filter(Boolean))
			await this.#sql(
				`REASSIGN OWNED BY ${role} TO ${escapeIdentifier(this.spec.admin.user)};
				DROP OWNED BY ${role};`,
				database,
			);
		await this.#sql(`DROP ROLE IF EXISTS ${role};`);
	}

	/** psql over the socket inside the container; the SQL goes in by standard input. */
	#sql(sql: string, database = "postgres"): Promise<string> {
		return this.machine.engine.run(
			this.machine.name,
			["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align"].concat([
				"--set",
				"ON_ERROR_STOP=1",
				"--dbname",
				database,
			]),
			{
				user: "postgres",
				environment: {
					PGPORT: String(this.spec.port),
					// A failed statement would go to the log with its password.
					PGOPTIONS: "-c log_min_error_statement=panic",
				},
				input: sql,
			},
		);
	}
}
