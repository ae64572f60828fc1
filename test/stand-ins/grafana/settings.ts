import { readFileSync } from "node:fs";

/** Of the release that this stands for, and named so wherever a version is told. */
export const version = "12.4.0-stand-in";

export interface Settings {
	port: number;
	user: string;
	password: string;
	/** Folder of datasources/, dashboards/ and alerting/. */
	provisioning: string;
	/** Folder that outlives a restart. */
	data: string;
}

/**
 * Settings from the environment, by the names that Grafana gives them; a name with
 * `__FILE` behind it names a file with the value
 * (https://grafana.com/docs/grafana/latest/setup-grafana/configure-docker/).
 *
 * @throws Error for what this does not do but Grafana would.
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
	const value = (name: string, otherwise: string) => {
		const file = env[`${name}__FILE`];
		return file === undefined
			? (env[name] ?? otherwise)
			: readFileSync(file, "utf8").trimEnd();
	};
	if (value("GF_AUTH_ANONYMOUS_ENABLED", "false") === "true") {
		throw new Error("the stand-in lets nobody in without a log-in");
	}
	return {
		port: Number(value("GF_SERVER_HTTP_PORT", "3000")),
		user: value("GF_SECURITY_ADMIN_USER", "admin"),
		password: value("GF_SECURITY_ADMIN_PASSWORD", "admin"),
		provisioning: value("GF_PATHS_PROVISIONING", "/etc/grafana/provisioning"),
		data: value("GF_PATHS_DATA", "/var/lib/grafana"),
	};
}
