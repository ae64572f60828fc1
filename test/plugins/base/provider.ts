import * as grpc from "@grpc/grpc-js";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import type { IResourceProviderServer } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as messages from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { decodeConfiguration } from "./configuration";
import { Engine } from "./engine";
import { ResourceHandlers } from "./handlers";
import type { FunctionType, ResourceType } from "./resource";
import { type PackageSpec, validate } from "./schema";
import { engineAddress, serve, unary } from "./server";
import { equal, fromStruct, type Properties, reveal, toStruct } from "./values";

/** A stand-in for an official provider plugin. */
export interface Provider {
	/** The package's name: `random`, `docker`, … */
	name: string;
	/** Version of the official SDK that it stands in for. */
	version: string;
	spec: PackageSpec;
	/** By token. */
	resources: Readonly<Record<string, ResourceType>>;
	functions?: Readonly<Record<string, FunctionType>>;
	/**
	 * Set for packages made by the Terraform bridge: they name what the program
	 * does not name, and record in the inputs which came from defaults.
	 */
	bridged?: boolean;
	/** Takes the provider's configuration, all values plain and known. */
	configure?: (configuration: Properties) => void;
	/** How the official plugin words an error. */
	describe?: (error: unknown) => string;
}

function unimplemented(what: string): Promise<never> {
	return Promise.reject({
		code: grpc.status.UNIMPLEMENTED,
		details: `${what} is not part of this stand-in`,
	});
}

/** The gRPC service of a provider. */
export class ProviderServer {
	private readonly aborter = new AbortController();
	private engine: Engine;

	constructor(
		private readonly provider: Provider,
		engine: Engine,
	) {
		this.engine = engine;
	}

	/** Handlers by the method names of the protocol. */
	implementation(): IResourceProviderServer {
		const { provider } = this;
		const handlers = new ResourceHandlers(
			provider,
			() => this.engine,
			this.aborter.signal,
		);
		return {
			handshake: unary(async (request: messages.ProviderHandshakeRequest) => {
				this.engine = new Engine(request.getEngineAddress());
				return new messages.ProviderHandshakeResponse()
					.setAcceptSecrets(true)
					.setAcceptResources(true)
					.setAcceptOutputs(true)
					.setSupportsAutonamingConfiguration(true);
			}),
			attach: unary(async () => new Empty()),
			getPluginInfo: unary(async () =>
				new PluginInfo().setVersion(provider.version),
			),
			getSchema: unary(async () =>
				new messages.GetSchemaResponse().setSchema(
					JSON.stringify({
						name: provider.name,
						version: provider.version,
						...provider.spec,
					}),
				),
			),
			checkConfig: unary(async (request: messages.CheckRequest) =>
				this.checkConfig(request),
			),
			diffConfig: unary(async (request: messages.DiffRequest) =>
				this.diffConfig(request),
			),
			configure: unary(async (request: messages.ConfigureRequest) => {
				provider.configure?.(
					decodeConfiguration(
						provider.spec,
						reveal(fromStruct(request.getArgs())),
					),
				);
				return new messages.ConfigureResponse()
					.setAcceptsecrets(true)
					.setSupportspreview(true)
					.setAcceptresources(true)
					.setAcceptoutputs(true)
					.setSupportsAutonamingConfiguration(true);
			}),
			invoke: unary(async (request: messages.InvokeRequest) =>
				this.invoke(request),
			),
			check: unary((request: messages.CheckRequest) => handlers.check(request)),
			diff: unary((request: messages.DiffRequest) => handlers.diff(request)),
			create: unary((request: messages.CreateRequest) =>
				handlers.create(request),
			),
			read: unary((request: messages.ReadRequest) => handlers.read(request)),
			update: unary((request: messages.UpdateRequest) =>
				handlers.update(request),
			),
			delete: unary((request: messages.DeleteRequest) =>
				handlers.delete(request),
			),
			cancel: unary(async () => {
				this.aborter.abort(new Error("the operation was cancelled"));
				return new Empty();
			}),
			getMapping: unary(async () => new messages.GetMappingResponse()),
			getMappings: unary(async () => new messages.GetMappingsResponse()),
			parameterize: unary(() => unimplemented("Parameterize")),
			call: unary(() => unimplemented("Call")),
			construct: unary(() => unimplemented("Construct")),
			list: (call) => {
				call.emit("error", {
					code: grpc.status.UNIMPLEMENTED,
					details: "List is not part of this stand-in",
				});
			},
		};
	}

	private checkConfig(request: messages.CheckRequest): messages.CheckResponse {
		const news = fromStruct(request.getNews());
		const { version: _version, ...configuration } = decodeConfiguration(
			this.provider.spec,
			news,
		);
		const failures = validate(
			this.provider.spec,
			{ properties: this.provider.spec.provider.inputProperties ?? {} },
			configuration,
		);
		return new messages.CheckResponse()
			.setInputs(toStruct(news))
			.setFailuresList(
				failures.map(({ property, reason }) =>
					new messages.CheckFailure().setProperty(property).setReason(reason),
				),
			);
	}

	/** No configuration of the packages served here replaces the provider. */
	private diffConfig(request: messages.DiffRequest): messages.DiffResponse {
		const olds = fromStruct(request.getOldInputs() ?? request.getOlds());
		const news = fromStruct(request.getNews());
		const changed = [
			...new Set([...Object.keys(olds), ...Object.keys(news)]),
		].filter((key) => !equal(olds[key], news[key]));
		const { DIFF_NONE, DIFF_SOME } = messages.DiffResponse.DiffChanges;
		return new messages.DiffResponse()
			.setChanges(changed.length > 0 ? DIFF_SOME : DIFF_NONE)
			.setDiffsList(changed);
	}

	private async invoke(
		request: messages.InvokeRequest,
	): Promise<messages.InvokeResponse> {
		const token = request.getTok();
		const run = this.provider.functions?.[token];
		const spec = this.provider.spec.functions[token];
		if (run === undefined || spec === undefined) {
			throw new Error(
				`${this.provider.name}'s stand-in does not serve the function ${token}`,
			);
		}
		const args = reveal(fromStruct(request.getArgs()));
		const failures = validate(this.provider.spec, spec.inputs ?? {}, args);
		if (failures.length > 0) {
			return new messages.InvokeResponse().setFailuresList(
				failures.map(({ property, reason }) =>
					new messages.CheckFailure().setProperty(property).setReason(reason),
				),
			);
		}
		const result = await run(args, {
			engine: this.engine,
			signal: this.aborter.signal,
		}).catch((error: unknown) => {
			throw new Error(`invoking ${token}: ${describe(this.provider, error)}`);
		});
		return new messages.InvokeResponse().setReturn(toStruct(result));
	}
}

/** The message of an error as the provider words it. */
export function describe(provider: Provider, error: unknown): string {
	return (
		provider.describe?.(error) ??
		(error instanceof Error ? error.message : String(error))
	);
}

/** Runs a provider as a plugin process of the engine. */
export function main(provider: Provider): void {
	const server = new ProviderServer(provider, new Engine(engineAddress()));
	void serve((grpcServer) =>
		grpcServer.addService(ResourceProviderService, server.implementation()),
	);
}
