import { stringify } from "yaml";
import type { Hostnames } from "../../caddy/caddyfile";

/** Where the container has the authorities that are not public. */
export const authoritiesFile = "/etc/blackbox_exporter/authorities.pem";

/** DigitalOcean's, of every zone that it serves. */
const zoneServers = ["ns1", "ns2", "ns3"].map(
	(name) => `${name}.digitalocean.com`,
);

/** The names that users and sensors ask for. */
const asked = ["site", "api", "status"] as const;

export interface ProbesArgs {
	hostnames: Hostnames;
	/** Of the old system. */
	legacyAddress: string;
	/** Of the public, each an IP or ip:port. */
	resolvers: string[];
}

/**
 * The configuration of the probes: HTTPS with a verified certificate, and the
 * question for a name's address.
 *
 * @param address the new system's: a DNS probe succeeds where it is the answer.
 * @param privateAuthorities whether the certificates' authorities are in a file.
 */
export function blackboxFile(
	hostnames: Hostnames,
	address: string,
	privateAuthorities: boolean,
): string {
	const https = (codes: number[]) => ({
		prober: "http",
		timeout: "5s",
		http: {
			preferred_ip_protocol: "ip4",
			valid_status_codes: codes,
			fail_if_not_ssl: true,
			...(privateAuthorities
				? { tls_config: { ca_file: authoritiesFile } }
				: {}),
		},
	});
	const dns = asked.map((host) => [
		`dns-${host}`,
		{
			prober: "dns",
			timeout: "5s",
			dns: {
				preferred_ip_protocol: "ip4",
				query_name: hostnames[host],
				query_type: "A",
				validate_answer_rrs: {
					fail_if_not_matches_regexp: [
						`\\tA\\t${address.replaceAll(".", "\\.")}$`,
					],
				},
			},
		},
	]);
	const modules = {
		https: https([200]),
		// Behind a log-in, and nobody comes in without.
		"https-closed": https([401]),
		...Object.fromEntries(dns),
	};
	return stringify({ modules }, { lineWidth: 0 });
}

/** Requests to this system wherever DNS leads, to the old one, and as users make them. */
export function httpProbes({ hostnames, legacyAddress }: ProbesArgs) {
	const probe = (
		host: keyof Hostnames,
		via: "new" | "old" | "name",
		path: string,
		module = "https",
	) => {
		const name = hostnames[host];
		const at = { new: "caddy", old: legacyAddress, name }[via];
		return {
			targets: [`https://${at}${path}`],
			labels: {
				...{ host, via, instance: `https://${name}${path}` },
				...(via === "name" ? {} : { __param_hostname: name }),
				__param_module: module,
			},
		};
	};
	return {
		...asking(),
		static_configs: [
			probe("site", "new", "/"),
			probe("api", "new", "/health"),
			probe("status", "new", "/"),
			probe("monitoring", "new", "/", "https-closed"),
			probe("site", "old", "/"),
			probe("site", "name", "/"),
			probe("api", "name", "/health"),
			probe("status", "name", "/"),
		],
	};
}

/** What the zone's servers and the public's resolvers answer. */
export function dnsProbes({ resolvers }: ProbesArgs) {
	return {
		...asking(),
		static_configs: [...zoneServers, ...resolvers].flatMap((resolver) =>
			asked.map((host) => ({
				targets: [resolver],
				labels: {
					...{ host, resolver, instance: `${host} by ${resolver}` },
					__param_module: `dns-${host}`,
				},
			})),
		),
	};
}

/** The exporter is scraped, with the target as a parameter. */
function asking() {
	return {
		metrics_path: "/probe",
		relabel_configs: [
			{ source_labels: ["__address__"], target_label: "__param_target" },
			{ target_label: "__address__", replacement: "blackbox:9115" },
		],
	};
}
