import { stringify } from "yaml";
import { logLabels, type logLevels, logMetadata } from "../logs";
import { masks } from "./masks";

/** Prometheus asks here. */
export const metricsPort = 8888;
/** `/` answers 200 where it is up. */
export const healthPort = 13133;

export interface CollectorPlaces {
	/** The engine's folder of containers. */
	containers: string;
	/** Where it notes how far it has read, and keeps what Loki has not taken yet. */
	state: string;
	/** Loki's address, without a path. */
	loki: string;
}

/** As the service has them. */
export const collectorPlaces: CollectorPlaces = {
	containers: "/var/lib/docker/containers",
	state: "/var/lib/otelcol",
	loki: "http://loki:3100",
};

/** The variable that holds the machine's name. */
export const nodeVariable = "NODE";

const mebibyte = 1024 * 1024;

/**
 * The collector's configuration: it reads the files that the engine's json-file
 * driver writes, so that no container waits for it or for Loki; takes secrets out;
 * and ships the lines to Loki by OTLP. While Loki does not answer, `queue_size`
 * bytes wait on disk and reading stops: the engine's own files, with what rotation
 * leaves of them, hold the rest. All is bounded and nothing else notices.
 *
 * @returns YAML. Every `$` of a pattern is doubled: a single one is the collector's own.
 */
export function collectorConfig(
	{ containers, state, loki }: CollectorPlaces = collectorPlaces,
	ports = { metrics: metricsPort, health: healthPort },
): string {
	return stringify(
		{
			receivers: {
				file_log: {
					// The rotated ones too, for what was not read when they rotated.
					include: [
						`${containers}/*/*-json.log`,
						`${containers}/*/*-json.log.[0-9]`,
					],
					include_file_path: true,
					start_at: "beginning",
					storage: "file_storage",
					// The lines come again until the exporter takes them.
					retry_on_failure: { enabled: true, max_elapsed_time: 0 },
					resource: {
						[logLabels.node]: `\${env:${nodeVariable}}`,
					},
					operators: operators().map((operator, index) => ({
						id: `step-${index + 1}`,
						...operator,
					})),
				},
			},
			processors: {
				memory_limiter: {
					check_interval: "1s",
					limit_mib: 180,
					spike_limit_mib: 40,
				},
			},
			exporters: {
				otlp_http: {
					logs_endpoint: `${loki}/otlp/v1/logs`,
					timeout: "10s",
					retry_on_failure: {
						enabled: true,
						initial_interval: "1s",
						max_interval: "15s",
						// Never given up: what cannot be sent is not read.
						max_elapsed_time: 0,
					},
					sending_queue: {
						enabled: true,
						storage: "file_storage",
						num_consumers: 2,
						sizer: "bytes",
						queue_size: 32 * mebibyte,
						block_on_overflow: true,
						// Loki takes 4 MiB at once by default.
						batch: {
							flush_timeout: "500ms",
							min_size: mebibyte / 4,
							max_size: mebibyte,
						},
					},
				},
			},
			extensions: {
				file_storage: { directory: state, create_directory: true },
				health_check: { endpoint: `0.0.0.0:${ports.health}` },
			},
			service: {
				extensions: ["health_check", "file_storage"],
				pipelines: {
					logs: {
						receivers: ["file_log"],
						processors: ["memory_limiter"],
						exporters: ["otlp_http"],
					},
				},
				telemetry: {
					logs: { encoding: "json", disable_stacktrace: true },
					metrics: {
						readers: [
							{
								pull: {
									exporter: {
										prometheus: {
											host: "0.0.0.0",
											port: ports.metrics,
											without_type_suffix: false,
											without_units: false,
										},
									},
								},
							},
						],
					},
				},
			},
		},
		{ lineWidth: 0, aliasDuplicateObjects: false },
	);
}

type Operator = Record<string, unknown>;

/** From a line of the engine's file to the line that the container wrote, named and masked. */
function operators(): Operator[] {
	return [...unwrapLine(), ...masks.map(maskStep), ...nameLine()];
}

/** {"log": "…\n", "stream": "stdout", "attrs": {…}, "time": "…"} */
function unwrapLine(): Operator[] {
	return [
		{
			type: "json_parser",
			timestamp: {
				parse_from: "attributes.time",
				layout_type: "gotime",
				layout: "2006-01-02T15:04:05.999999999Z07:00",
			},
		},
		{ type: "move", from: "attributes.log", to: "body", if: has("log") },
		{
			type: "add",
			field: "attributes.source",
			value:
				'EXPR(attributes["log.file.path"] + " " + (attributes.stream ?? ""))',
		},
		// The engine cuts lines of more than 16 KiB: only the last part ends with a
		// line's end. A secret could be cut as well, so they are put together first.
		{
			type: "recombine",
			combine_field: "body",
			combine_with: "",
			is_last_entry: 'body endsWith "\\n"',
			source_identifier: "attributes.source",
			max_log_size: mebibyte / 4,
			force_flush_period: "5s",
		},
		{
			type: "regex_replace",
			field: "body",
			regex: escaped("[\\r\\n]+$"),
			replace_with: "",
		},
	];
}

function maskStep({
	regex,
	to,
	hints,
	json,
}: (typeof masks)[number]): Operator {
	const conditions = [
		...(hints ? [anyOf(hints)] : []),
		...(json === undefined ? [] : [json ? isJson : `not (${isJson})`]),
	];
	return {
		type: "regex_replace",
		field: "body",
		regex: escaped(regex),
		replace_with: escaped(to),
		...(conditions.length > 0 ? { if: conditions.join(" and ") } : {}),
	};
}

/** Labels as attributes of the resource, metadata as the line's own; nothing else is kept. */
function nameLine(): Operator[] {
	const { requestId, container } = logMetadata;
	const service = '"com.docker.swarm.service.name"';
	const parsed = "attributes.line != nil and attributes.line";
	return [
		{
			type: "json_parser",
			if: isJson,
			parse_to: "attributes.line",
			on_error: "send_quiet",
		},
		// logfmt, else a level in capitals.
		...[
			'(?:^|\\s)(?:level|lvl)="?(?P<level>[A-Za-z]+)',
			"\\b(?P<level>TRACE|DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL|PANIC)\\b",
		].map((regex) => ({
			type: "regex_parser",
			regex,
			if: "attributes.line == nil",
			parse_to: "attributes.line",
			on_error: "send_quiet",
		})),
		{
			type: "add",
			field: `resource.${logLabels.level}`,
			value: `EXPR(attributes.line == nil ? "unknown" : ${JSON.stringify(spellings)}[lower(string(attributes.line.level ?? ""))] ?? "unknown")`,
		},
		{
			type: "add",
			field: `resource.${logLabels.service}`,
			value: `EXPR(attributes.attrs == nil ? "unnamed" : attributes.attrs[${service}] ?? attributes.attrs.tag ?? "unnamed")`,
		},
		{
			type: "add",
			field: `resource.${logLabels.stream}`,
			value: 'EXPR(attributes.stream ?? "unknown")',
		},
		{
			type: "add",
			field: `attributes.${container}`,
			value: 'EXPR(attributes["log.file.name"][0:12])',
		},
		{
			type: "move",
			from: `attributes.line.${requestId}`,
			to: `attributes.${requestId}`,
			if: `${parsed}.${requestId} != nil`,
		},
		{
			type: "retain",
			fields: [`attributes.${requestId}`, `attributes.${container}`],
		},
	];
}

/** How programs write their levels; numbers are pino's. */
const spellings: Record<string, (typeof logLevels)[number]> = {
	...{ trace: "debug", "10": "debug", debug: "debug", "20": "debug" },
	...{ info: "info", "30": "info", notice: "info" },
	...{ warn: "warn", warning: "warn", "40": "warn" },
	...{ error: "error", err: "error", critical: "error", "50": "error" },
	...{ fatal: "fatal", panic: "fatal", dpanic: "fatal", "60": "fatal" },
};

const isJson = 'body startsWith "{"';

function has(attribute: string): string {
	return `attributes.${attribute} != nil`;
}

function anyOf(words: string[]): string {
	return `(${words.map((word) => `body contains ${escaped(JSON.stringify(word))}`).join(" or ")})`;
}

/** For the collector, which reads $ as the start of a variable's name. */
function escaped(text: string): string {
	return text.replaceAll("$", "$$$$");
}
