/**
 * How log lines are named, by the collector (observability/otel), by Loki and in
 * queries. Few values each: Loki keeps one stream for every combination.
 */
export const logLabels = {
	/** The Swarm service; of other containers their name. */
	service: "service",
	/** The machine's host name. */
	node: "node",
	/** stdout or stderr. */
	stream: "stream",
	/** One of `logLevels`. */
	level: "level",
} as const;

/** In falling order; `unknown` is a line that says none. */
export const logLevels = [
	"fatal",
	"error",
	"warn",
	"info",
	"debug",
	"unknown",
] as const;

/**
 * What a line carries beside its labels, as Loki's structured metadata: to be
 * filtered by, `{service="backend"} | request_id="…"`, in no selector.
 */
export const logMetadata = {
	/** Caddy's, by which its line and the backend's belong together. */
	requestId: "request_id",
	/** First 12 characters of the container's id. */
	container: "container",
} as const;
