import type { HttpAnswer, HttpOptions } from "../http";
import { basicAuthorization, http, trustedRoot } from "../http";
import { mappingOptions, migrationTool } from "../migration-tool";
import type { StackOutputs } from "../stack";

/** What is asked from outside, by name, before and after DNS points there. */
export type PlaceOutputs = Pick<
	StackOutputs,
	"domain" | "hostnames" | "reservedIp" | "ssh"
>;

/** The new system as one that only looks at it knows it. */
export class Place {
	constructor(
		readonly stack: string,
		readonly outputs: PlaceOutputs,
		/** Of HTTPS. */
		readonly port = 443,
	) {}

	/** HTTPS by host name at the reserved IP, as curl --resolve does. */
	ask(
		host: keyof StackOutputs["hostnames"],
		path: string,
		options: HttpOptions = {},
	): Promise<HttpAnswer> {
		const ca = trustedRoot();
		const { hostnames, reservedIp } = this.outputs;
		return http(`https://${hostnames[host]}:${this.port}${path}`, {
			address: reservedIp,
			...(ca ? { ca } : {}),
			...options,
		});
	}
}

/**
 * A deployed stack as the checks see it: its outputs, its configuration, and a
 * way to ask it.
 */
export class Site extends Place {
	declare readonly outputs: StackOutputs;

	constructor(
		stack: string,
		outputs: StackOutputs,
		readonly config: Record<string, string>,
		port?: number,
	) {
		super(stack, outputs, port);
	}

	/**
	 * Runs the migration's command line on the Droplet with both databases, Stack
	 * Auth and the stack's mapping.
	 *
	 * @returns exit code and the JSON that it ends with.
	 */
	migrate(...args: string[]): ReturnType<typeof migrationTool> {
		const { ssh, images, database, migration } = this.outputs;
		const { apiUrl = "", projectId = "" } = JSON.parse(
			this.config.stackAuth ?? "{}",
		) as { apiUrl?: string; projectId?: string };
		return migrationTool({
			ssh,
			image: images.cutover ?? "",
			arguments: [...args, ...mappingOptions(migration)],
			environment: {
				SOURCE_DATABASE_URL: this.config.sourceDatabaseUrl ?? "",
				TARGET_DATABASE_URL: database.url,
				TARGET_DATABASE_CA: database.ca,
				STACK_AUTH_API_URL: apiUrl,
				STACK_AUTH_PROJECT_ID: projectId,
				STACK_AUTH_SECRET_SERVER_KEY:
					this.config.stackAuthSecretServerKey ?? "",
			},
		});
	}

	/** One query to the stack's Prometheus; the values of the answer's series. */
	async query(promql: string): Promise<number[]> {
		const { result } = await this.prometheus<{
			result: { value: [number, string] }[];
		}>(`query?query=${encodeURIComponent(promql)}`);
		return result.map(({ value }) => Number(value[1]));
	}

	/**
	 * Asks the stack's Prometheus by name, with its log-in.
	 *
	 * @param path under its API, version 1.
	 * @returns the answer's data.
	 */
	async prometheus<Data>(path: string): Promise<Data> {
		const answer = await this.monitoring(`/prometheus/api/v1/${path}`);
		if (answer.status !== 200) {
			throw new Error(`Prometheus answered ${answer.status} to ${path}`);
		}
		return (JSON.parse(answer.body) as { data: Data }).data;
	}

	/**
	 * Asks the monitoring's name with its log-in: Grafana, and Prometheus and Alertmanager
	 * under paths of theirs.
	 *
	 * @param password another than the stack's, to see that it is refused.
	 */
	monitoring(path: string, password?: string): Promise<HttpAnswer> {
		const { user, password: own } = this.outputs.monitoring;
		const authorization = basicAuthorization(user, password ?? own);
		return this.ask("monitoring", path, { headers: { authorization } });
	}
}
