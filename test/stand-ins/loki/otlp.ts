import { z } from "zod";
import { fields } from "./protobuf";

/** An attribute's value: OTLP's AnyValue as JavaScript has it. */
export type Value = unknown;
export type Attributes = Record<string, Value>;

export interface LogRecord {
	/** Unix nanoseconds; 0 where the sender gave none. */
	time: bigint;
	observed: bigint;
	severityNumber: number;
	severityText: string;
	body: Value;
	attributes: Attributes;
}

export interface ResourceLogs {
	resource: Attributes;
	records: LogRecord[];
}

/*
 * Field numbers: opentelemetry-proto, collector/logs/v1/logs_service.proto,
 * logs/v1/logs.proto, common/v1/common.proto, resource/v1/resource.proto.
 */

/** @throws RangeError where the bytes are no ExportLogsServiceRequest. */
export function decodeProtobuf(message: Buffer): ResourceLogs[] {
	return messages(message, 1).map((resourceLogs) => ({
		resource: Object.assign(
			{},
			...messages(resourceLogs, 1).map((resource) => attributes(resource, 1)),
		) as Attributes,
		records: messages(resourceLogs, 2).flatMap((scopeLogs) =>
			messages(scopeLogs, 2).map(logRecord),
		),
	}));
}

function messages(message: Buffer, number: number): Buffer[] {
	return [...fields(message)].flatMap((field) =>
		field.number === number && field.kind === "bytes" ? [field.value] : [],
	);
}

function logRecord(message: Buffer): LogRecord {
	const record: LogRecord = {
		time: 0n,
		observed: 0n,
		severityNumber: 0,
		severityText: "",
		body: "",
		attributes: attributes(message, 6),
	};
	for (const field of fields(message)) {
		if (field.kind === "fixed64" && field.number === 1)
			record.time = field.value.readBigUInt64LE();
		if (field.kind === "fixed64" && field.number === 11)
			record.observed = field.value.readBigUInt64LE();
		if (field.kind === "varint" && field.number === 2)
			record.severityNumber = Number(field.value);
		if (field.kind === "bytes" && field.number === 3)
			record.severityText = field.value.toString();
		if (field.kind === "bytes" && field.number === 5)
			record.body = anyValue(field.value);
	}
	return record;
}

function attributes(message: Buffer, number: number): Attributes {
	return Object.fromEntries(
		messages(message, number).map((pair) => [
			messages(pair, 1)[0]?.toString() ?? "",
			messages(pair, 2).map(anyValue)[0] ?? "",
		]),
	);
}

function anyValue(message: Buffer): Value {
	for (const field of fields(message)) {
		if (field.kind === "varint")
			return field.number === 2
				? field.value !== 0n
				: Number(BigInt.asIntN(64, field.value));
		if (field.kind === "fixed64") return field.value.readDoubleLE();
		if (field.kind !== "bytes") continue;
		if (field.number === 1) return field.value.toString();
		if (field.number === 5) return messages(field.value, 1).map(anyValue);
		if (field.number === 6) return attributes(field.value, 1);
		return field.value.toString("base64");
	}
	return "";
}

const anyValueJson: z.ZodType<Value> = z.lazy(() =>
	z.union([
		z.object({ stringValue: z.string() }).transform((v) => v.stringValue),
		z.object({ boolValue: z.boolean() }).transform((v) => v.boolValue),
		z
			.object({ intValue: z.union([z.string(), z.number()]) })
			.transform((v) => Number(v.intValue)),
		z.object({ doubleValue: z.number() }).transform((v) => v.doubleValue),
		z
			.object({ arrayValue: z.object({ values: z.array(anyValueJson) }) })
			.transform((v) => v.arrayValue.values),
		z
			.object({ kvlistValue: z.object({ values: attributesJson }) })
			.transform((v) => v.kvlistValue.values),
		z.object({ bytesValue: z.string() }).transform((v) => v.bytesValue),
	]),
);
const attributesJson: z.ZodType<Attributes> = z.lazy(() =>
	z
		.array(z.object({ key: z.string(), value: anyValueJson }))
		.transform((pairs) =>
			Object.fromEntries(pairs.map(({ key, value }) => [key, value])),
		),
);
const nanoseconds = z
	.union([z.string(), z.number()])
	.default("0")
	.transform((value) => BigInt(value));

/** An ExportLogsServiceRequest in OTLP's JSON. */
const requestJson = z.object({
	resourceLogs: z
		.array(
			z.object({
				resource: z
					.object({ attributes: attributesJson.default({}) })
					.default({ attributes: {} }),
				scopeLogs: z
					.array(
						z.object({
							logRecords: z
								.array(
									z.object({
										timeUnixNano: nanoseconds,
										observedTimeUnixNano: nanoseconds,
										severityNumber: z.int().default(0),
										severityText: z.string().default(""),
										body: anyValueJson.default(""),
										attributes: attributesJson.default({}),
									}),
								)
								.default([]),
						}),
					)
					.default([]),
			}),
		)
		.default([]),
});

/** @throws Error where the text is no ExportLogsServiceRequest. */
export function decodeJson(text: string): ResourceLogs[] {
	const request = requestJson.safeParse(JSON.parse(text));
	if (!request.success) throw new Error(z.prettifyError(request.error));
	return request.data.resourceLogs.map(({ resource, scopeLogs }) => ({
		resource: resource.attributes,
		records: scopeLogs
			.flatMap(({ logRecords }) => logRecords)
			.map(({ timeUnixNano, observedTimeUnixNano, ...record }) => ({
				...record,
				time: timeUnixNano,
				observed: observedTimeUnixNano,
			})),
	}));
}
