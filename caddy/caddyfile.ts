/** The four names that the product answers to. */
export interface Hostnames {
	site: string;
	api: string;
	monitoring: string;
	status: string;
}

/** What Uptime Kuma's status page is and loads: see its front end's src/pages/StatusPage.vue. */
const publicPaths = [
	...["/", "/status", "/status/*", "/assets/*", "/upload/*"],
	...["/api/entry-page", "/api/status-page/*"],
	...["/icon.svg", "/icon.png", "/icon-*.png", "/apple-touch-icon.png"],
	...["/favicon.ico", "/manifest.json", "/robots.txt", "/serviceWorker.js"],
];

/** Plain HTTP inside the Swarm: /metrics and /health. */
export const metricsPort = 2020;

export interface CaddyfileArgs {
	hostnames: Hostnames;
	acme: {
		directory: string;
		email: string;
		/** Path in the container of a PEM that the directory's TLS chains to. */
		caFile?: string;
	};
	/** Path in the container of lines "user hash". */
	monitoringUsersFile: string;
}

/**
 * Caddy's configuration. It renews the certificates that were seeded before the
 * switch. Services answer their name with one address for each healthy task
 * (Swarm leaves ill ones out), asked anew every second; a request that meets a
 * task on its way out is tried at another, so a deploy fails none.
 */
export function caddyfile(args: CaddyfileArgs): string {
	const { hostnames, acme } = args;
	return `{
	email ${acme.email}
	acme_ca ${acme.directory}
${acme.caFile ? `	acme_ca_root ${acme.caFile}\n` : ""}	storage file_system /data
	metrics
}

# For Prometheus and the health check, on the services' network only: this port
# is not published on the machine. The admin API stays on loopback.
http://:${metricsPort} {
	metrics /metrics
	respond /health 200
}

(common) {
	encode zstd gzip
	header {
		Strict-Transport-Security "max-age=31536000"
		X-Content-Type-Options nosniff
		X-Frame-Options DENY
		Referrer-Policy strict-origin-when-cross-origin
		Permissions-Policy "camera=(), microphone=(), geolocation=()"
		-Server
		# Caddy's own, whatever came: the backend's log has it too, and so a user's
		# complaint leads to both.
		X-Request-Id {http.request.uuid}
	}
	log {
		output stdout
		# Caddy hides the usual headers; ours with keys in them are not among those.
		format filter {
			request>headers delete
			resp_headers delete
		}
	}
	log_append request_id {http.request.uuid}
	log_append user_agent {http.request.header.User-Agent}
}

(service) {
	reverse_proxy {
		dynamic a {args[0]} {args[1]} {
			refresh 1s
			versions ipv4
		}
		header_up X-Request-Id {http.request.uuid}
		lb_policy least_conn
		lb_try_duration 10s
		lb_try_interval 100ms
		fail_duration 5s
		max_fails 2
	}
}

${hostnames.site} {
	import common
	import service frontend 80
}

${hostnames.api} {
	import common
	import service backend 3000
}

${hostnames.monitoring} {
	import common
	basic_auth {
		import ${args.monitoringUsersFile}
	}
	# Both answer under / and make links with the path.
	redir /prometheus /prometheus/
	handle_path /prometheus/* {
		import service prometheus 9090
	}
	redir /alertmanager /alertmanager/
	handle_path /alertmanager/* {
		import service alertmanager 9093
	}
	# Grafana knows the same log-in, so that nobody is asked twice.
	handle {
		import service grafana 3000
	}
}

# The status page is everybody's; Uptime Kuma's dashboard, and the socket.io that it
# works by, are the operators'.
${hostnames.status} {
	import common
	@operators not path ${publicPaths.join(" ")}
	basic_auth @operators {
		import ${args.monitoringUsersFile}
	}
	import service uptime-kuma 3001
}
`;
}
