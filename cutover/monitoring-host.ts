import {
	basicAuthorization,
	type HttpAnswer,
	type HttpOptions,
	http,
	trustedRoot,
} from "./http";

/** Where a stack's monitoring is, and the one log-in of Caddy and of all behind it. */
export interface MonitoringAccess {
	/** For instance https://monitoring.example.com. */
	url: string;
	/** Asked wherever the name points, as curl --resolve does. */
	address?: string;
	user: string;
	password: string;
}

/**
 * One request to the monitoring host: Grafana's, or Prometheus' and Alertmanager's under
 * paths of theirs.
 *
 * @throws Error when no answer comes.
 */
export function askMonitoring(
	{ url, address, user, password }: MonitoringAccess,
	path: string,
	options: HttpOptions = {},
): Promise<HttpAnswer> {
	const ca = trustedRoot();
	return http(`${url}${path}`, {
		headers: { authorization: basicAuthorization(user, password) },
		...(address ? { address } : {}),
		...(ca ? { ca } : {}),
		...options,
	});
}
