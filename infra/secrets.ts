import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { alertmanagerConfig } from "../observability/alertmanager";
import { deliveryOf } from "./alert-settings";
import type { Database } from "./database";
import { secretJson } from "./remote";
import { kumaInside } from "./services/uptime-kuma";
import type { Settings } from "./settings";
import type { Swarm } from "./swarm";

export interface SecretsArgs {
	swarm: Swarm;
	database: Database;
	settings: Settings;
}

/**
 * What services may know: generated passwords and given credentials, each an
 * encrypted Swarm secret that arrives as a file. Swarm secrets never change;
 * a new value makes a new secret under a new name, the services move over to
 * it start-first, and then the old one goes.
 */
export class Secrets extends pulumi.ComponentResource {
	/** The backend's, by file name; upper-case ones become its environment. */
	readonly backend: Record<string, docker.Secret>;
	/** The follower's and the watch's: both databases, as a JSON object of environment variables. */
	readonly follower: Record<string, docker.Secret>;
	/** Its whole configuration, with the mail server's log-in. */
	readonly alertmanager: Record<string, docker.Secret>;
	/** A line "user hash" as Caddy's basic_auth takes it. */
	readonly monitoringUsers: docker.Secret;
	/** The same log-in's password, for what asks behind it. */
	readonly monitoringPassword: docker.Secret;
	/** Of the database's role that reads statistics. */
	readonly observerPassword: docker.Secret;
	/** PEM of the authority of the database's certificate. */
	readonly databaseCa: docker.Secret;
	/** The status page's heartbeat of the database: token of its monitor. */
	readonly heartbeatToken: pulumi.Output<string>;
	/** What the one who pushes it needs, as a JSON object of environment variables. */
	readonly heartbeat: Record<string, docker.Secret>;
	readonly monitoring: {
		user: string;
		/** Secret. */
		password: pulumi.Output<string>;
	};

	constructor(
		name: string,
		args: SecretsArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Secrets", name, {}, opts);
		const { swarm, database, settings } = args;
		const secret = (label: string, value: pulumi.Input<string>) =>
			new docker.Secret(
				`${name}-${label}`,
				{
					data: pulumi.secret(
						pulumi.output(value).apply((text) => base64(text)),
					),
				},
				{ parent: this, ...swarm.inside, additionalSecretOutputs: ["data"] },
			);
		const password = new random.RandomPassword(
			`${name}-monitoring-password`,
			{ length: 32, special: false },
			{ parent: this },
		);
		this.monitoring = { user: "operator", password: password.result };
		this.monitoringUsers = secret(
			"monitoring-users",
			pulumi.interpolate`${this.monitoring.user} ${password.bcryptHash}\n`,
		);
		this.monitoringPassword = secret(
			"monitoring-password-file",
			password.result,
		);
		this.observerPassword = secret(
			"observer-password",
			database.observer.password,
		);
		this.databaseCa = secret("database-ca", database.ca);
		this.backend = {
			DATABASE_URL: secret("database-url", database.urlWithCaFile),
			STACK_AUTH_SECRET_SERVER_KEY: secret(
				"stack-auth-secret-server-key",
				settings.stackAuthSecretServerKey,
			),
			"database-ca.crt": this.databaseCa,
		};
		this.follower = settings.sync
			? {
					databases: secret(
						"databases",
						secretJson(databases(database, settings)),
					),
				}
			: {};
		this.heartbeatToken = new random.RandomPassword(
			`${name}-heartbeat-token`,
			{ length: 32, special: false },
			{ parent: this },
		).result;
		this.heartbeat = {
			heartbeat: secret(
				"heartbeat",
				secretJson({
					TARGET_DATABASE_URL: database.url,
					TARGET_DATABASE_CA: database.ca,
					HEARTBEAT_URL: pulumi.interpolate`${kumaInside}/api/push/${this.heartbeatToken}`,
				}),
			),
		};
		this.alertmanager = {
			"alertmanager.yml": secret(
				"alertmanager",
				alertmanagerConfig(deliveryOf(settings)),
			),
		};
		this.registerOutputs({});
	}
}

/** Source and target as the migration's command line reads them from its environment. */
export function databases(database: Database, settings: Settings) {
	return {
		SOURCE_DATABASE_URL: settings.sourceDatabaseUrl,
		TARGET_DATABASE_URL: database.url,
		TARGET_DATABASE_CA: database.ca,
	};
}

function base64(text: string): string {
	return Buffer.from(text).toString("base64");
}
