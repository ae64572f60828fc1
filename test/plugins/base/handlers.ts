import * as grpc from "@grpc/grpc-js";
import * as messages from "@pulumi/pulumi/proto/provider_pb";
import { ErrorResourceInitFailed } from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { comparable } from "./comparable";
import { alignSets, difference, schemaReplaces } from "./diff";
import type { Engine } from "./engine";
import { autoname } from "./names";
import { previewCreate, previewUpdate } from "./preview";
import { describe, type Provider } from "./provider";
import { inputsFromOutputs } from "./refresh";
import {
	InitializationFailed,
	type Operation,
	type ResourceType,
} from "./resource";
import { markSecrets, normalize, type ResourceSpec, validate } from "./schema";
import {
	carrySecrets,
	fromStruct,
	type Properties,
	reveal,
	toStruct,
} from "./values";

/** Longest name the bridge gives by itself in the packages served here. */
const AUTONAME_MAX = 255;

/** Key in the inputs where bridged packages list what defaults filled in. */
const DEFAULTS = "__defaults";

type AnyRequest = {
	getUrn(): string;
	getName(): string;
	getTimeout?(): number;
};

/** The resource methods of the protocol, over a provider's resource types. */
export class ResourceHandlers {
	constructor(
		private readonly provider: Provider,
		private readonly engine: () => Engine,
		private readonly signal: AbortSignal,
	) {}

	async check(request: messages.CheckRequest): Promise<messages.CheckResponse> {
		const { spec, type } = this.find(request.getUrn());
		const expected = {
			properties: spec.inputProperties ?? {},
			required: spec.requiredInputs ?? [],
		};
		const news = fromStruct(request.getNews());
		const failures = [
			...validate(this.provider.spec, expected, news),
			...(type.check?.(reveal(news)) ?? []),
		];
		const given = normalize(this.provider.spec, expected, news);
		const inputs = this.withDefaults(request, spec, type, given);
		return new messages.CheckResponse()
			.setInputs(toStruct(markSecrets(this.provider.spec, expected, inputs)))
			.setFailuresList(
				failures.map(({ property, reason }) =>
					new messages.CheckFailure().setProperty(property).setReason(reason),
				),
			);
	}

	/**
	 * Inputs completed by the plugin's defaults and, in bridged packages, by a
	 * name; one given earlier is kept as long as the program gives none.
	 */
	private withDefaults(
		request: messages.CheckRequest,
		spec: ResourceSpec,
		type: ResourceType,
		given: Properties,
	): Properties {
		const filled: Properties = { ...type.defaults?.(reveal(given)), ...given };
		if (!this.provider.bridged) {
			return filled;
		}
		const defaults = Object.keys(filled).filter((key) => !(key in given));
		if (isAutonamed(spec) && filled.name === undefined) {
			const olds = reveal(fromStruct(request.getOlds()));
			const wasDefault =
				Array.isArray(olds[DEFAULTS]) && olds[DEFAULTS].includes("name");
			filled.name =
				wasDefault && typeof olds.name === "string"
					? olds.name
					: autoname(request, AUTONAME_MAX);
			defaults.push("name");
		}
		return { ...filled, [DEFAULTS]: defaults.sort() };
	}

	async diff(request: messages.DiffRequest): Promise<messages.DiffResponse> {
		const { spec, type } = this.find(request.getUrn());
		const news = fromStruct(request.getNews());
		const inSchema = schemaReplaces(this.provider.spec, spec);
		const { changes, replaces } = difference(
			this.provider.bridged
				? comparable({
						spec,
						writeOnly: type.writeOnly ?? [],
						oldInputs: fromStruct(request.getOldInputs()),
						state: fromStruct(request.getOlds()),
						news,
					})
				: fromStruct(request.getOldInputs()),
			news,
			(path) => type.update === undefined || (type.replaces ?? inSchema)(path),
			new Set(type.sets),
			type.same,
		);
		const { DIFF_NONE, DIFF_SOME } = messages.DiffResponse.DiffChanges;
		const response = new messages.DiffResponse()
			.setChanges(changes.size > 0 ? DIFF_SOME : DIFF_NONE)
			.setReplacesList([...replaces])
			.setDiffsList([
				...new Set(
					[...changes.keys()].map((path) => path.split(/[.[]/)[0] ?? path),
				),
			])
			.setDeletebeforereplace(
				replaces.size > 0 && this.occupiesName(spec, news),
			)
			.setHasdetaileddiff(true);
		const { Kind } = messages.PropertyDiff;
		for (const [path, change] of changes) {
			const kind = {
				add: change.replaces ? Kind.ADD_REPLACE : Kind.ADD,
				delete: change.replaces ? Kind.DELETE_REPLACE : Kind.DELETE,
				update: change.replaces ? Kind.UPDATE_REPLACE : Kind.UPDATE,
			}[change.kind];
			response
				.getDetaileddiffMap()
				.set(
					path,
					new messages.PropertyDiff().setKind(kind).setInputdiff(true),
				);
		}
		return response;
	}

	/**
	 * Whether the old resource holds the name that its replacement needs: the
	 * program chose the name, so the old one must go first.
	 */
	private occupiesName(spec: ResourceSpec, news: Properties): boolean {
		const defaults = news[DEFAULTS];
		return (
			this.provider.bridged === true &&
			isAutonamed(spec) &&
			Array.isArray(defaults) &&
			!defaults.includes("name")
		);
	}

	async create(
		request: messages.CreateRequest,
	): Promise<messages.CreateResponse> {
		const { spec, type } = this.find(request.getUrn());
		const inputs = fromStruct(request.getProperties());
		const response = new messages.CreateResponse();
		if (request.getPreview()) {
			return response.setProperties(
				toStruct(this.seal(spec, type, previewCreate(spec, inputs), inputs)),
			);
		}
		const created = await this.run(request, spec, type, inputs, (operation) =>
			type.create(withoutMeta(reveal(inputs)), operation),
		);
		return response
			.setId(created.id)
			.setProperties(toStruct(this.seal(spec, type, created.outputs, inputs)));
	}

	async read(request: messages.ReadRequest): Promise<messages.ReadResponse> {
		const { spec, type } = this.find(request.getUrn());
		const oldInputs = fromStruct(request.getInputs());
		const state = fromStruct(request.getProperties());
		const response = new messages.ReadResponse();
		if (type.read === undefined) {
			return response
				.setId(request.getId())
				.setProperties(toStruct(state))
				.setInputs(toStruct(oldInputs));
		}
		const { read } = type;
		const found = await this.run(request, spec, type, oldInputs, (operation) =>
			read(request.getId(), reveal(state), operation),
		);
		if (found === undefined) {
			return response;
		}
		const known = Object.keys(oldInputs).length > 0 ? oldInputs : {};
		const outputs = this.seal(spec, type, found.outputs, {
			...state,
			...known,
		});
		const inputs = inputsFromOutputs(spec, known, outputs, type.writeOnly);
		if (this.provider.bridged && inputs[DEFAULTS] === undefined) {
			inputs[DEFAULTS] = [];
		}
		return response
			.setId(found.id)
			.setProperties(toStruct(outputs))
			.setInputs(toStruct(inputs));
	}

	async update(
		request: messages.UpdateRequest,
	): Promise<messages.UpdateResponse> {
		const { spec, type } = this.find(request.getUrn());
		const olds = fromStruct(request.getOlds());
		const oldInputs = fromStruct(request.getOldInputs());
		const news = fromStruct(request.getNews());
		const response = new messages.UpdateResponse();
		if (request.getPreview()) {
			const outputs = previewUpdate(
				spec,
				olds,
				oldInputs,
				news,
				type.unknownOnUpdate,
			);
			return response.setProperties(
				toStruct(this.seal(spec, type, outputs, news)),
			);
		}
		const outputs = await this.run(
			request,
			spec,
			type,
			news,
			async (operation) => {
				try {
					return await applyUpdate(
						type,
						request.getId(),
						withoutMeta(reveal(olds)),
						withoutMeta(reveal(news)),
						operation,
					);
				} catch (error) {
					// Bridged packages keep what was wanted, marked as not reached: the
					// next run updates again, whatever the program says by then.
					throw this.provider.bridged
						? new InitializationFailed(
								request.getId(),
								reveal(previewUpdate(spec, olds, oldInputs, news)),
								error instanceof Error ? error.message : String(error),
							)
						: error;
				}
			},
		);
		return response.setProperties(
			toStruct(this.seal(spec, type, outputs, news)),
		);
	}

	async delete(request: messages.DeleteRequest): Promise<Empty> {
		const { spec, type } = this.find(request.getUrn());
		const state = fromStruct(request.getProperties());
		await this.run(request, spec, type, state, async (operation) =>
			type.delete?.(request.getId(), withoutMeta(reveal(state)), operation),
		);
		return new Empty();
	}

	private find(urn: string): { spec: ResourceSpec; type: ResourceType } {
		const token = urn.split("::")[2]?.split("$").at(-1) ?? "";
		const type = this.provider.resources[token];
		const spec = this.provider.spec.resources[token];
		if (type === undefined || spec === undefined) {
			throw new Error(
				`${this.provider.name}'s stand-in does not serve the resource ${token}`,
			);
		}
		return { spec, type };
	}

	/** Outputs as they leave: sets in the order of the inputs, secrets marked. */
	private seal(
		spec: ResourceSpec,
		type: ResourceType,
		outputs: Properties,
		inputs: Properties,
	): Properties {
		const aligned = alignSets(outputs, reveal(inputs), new Set(type.sets));
		return markSecrets(
			this.provider.spec,
			spec,
			carrySecrets(aligned, inputs) as Properties,
		);
	}

	private async run<T>(
		request: AnyRequest,
		spec: ResourceSpec,
		type: ResourceType,
		inputs: Properties,
		action: (operation: Operation) => Promise<T>,
	): Promise<T> {
		try {
			return await action({
				urn: request.getUrn(),
				name: request.getName() || (request.getUrn().split("::").at(-1) ?? ""),
				engine: this.engine(),
				signal: this.signal,
				timeout: request.getTimeout?.() ?? 0,
			});
		} catch (error) {
			if (error instanceof InitializationFailed) {
				const outputs = this.seal(spec, type, error.outputs, inputs);
				throw initializationFailure(
					error.id,
					outputs,
					describe(this.provider, error),
				);
			}
			throw new Error(describe(this.provider, error));
		} finally {
			await this.engine().flushed();
		}
	}
}

function applyUpdate(
	type: ResourceType,
	id: string,
	olds: Properties,
	news: Properties,
	operation: Operation,
): Promise<Properties> {
	if (type.update === undefined) {
		throw new Error("every change replaces this resource");
	}
	return type.update(id, olds, news, operation);
}

function isAutonamed(spec: ResourceSpec): boolean {
	return (
		spec.inputProperties?.name?.type === "string" &&
		!(spec.requiredInputs ?? []).includes("name")
	);
}

function withoutMeta(properties: Properties): Properties {
	return Object.fromEntries(
		Object.entries(properties).filter(([key]) => !key.startsWith("__")),
	);
}

/** The gRPC status by which the engine learns of a half-made resource. */
function initializationFailure(
	id: string,
	outputs: Properties,
	reason: string,
): Partial<grpc.StatusObject> {
	const detail = new ErrorResourceInitFailed()
		.setId(id)
		.setProperties(toStruct(outputs))
		.setReasonsList([reason]);
	const any = new Any();
	any.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
	const status = new Status()
		.setCode(grpc.status.UNKNOWN)
		.setMessage(reason)
		.setDetailsList([any]);
	const metadata = new grpc.Metadata();
	metadata.add(
		"grpc-status-details-bin",
		Buffer.from(status.serializeBinary()),
	);
	return { code: grpc.status.UNKNOWN, details: reason, metadata };
}
