import { spawn } from "node:child_process";
import * as grpc from "@grpc/grpc-js";
import { version } from "@pulumi/pulumi/package.json";
import {
	type ILanguageRuntimeServer,
	LanguageRuntimeService,
} from "@pulumi/pulumi/proto/language_grpc_pb";
import * as messages from "@pulumi/pulumi/proto/language_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { engineAddress, serve, unary } from "../base/server";
import { directDependencies } from "./dependencies";
import { runProgram } from "./program";

const cancelled = new AbortController();
let engine = engineAddress() ?? "";

function refuse(method: string) {
	return unary(() =>
		Promise.reject({
			code: grpc.status.UNIMPLEMENTED,
			details: `${method} is not part of this stand-in`,
		}),
	);
}

/** `npm install` in the program's folder, its output passed to the engine. */
function installDependencies(
	call: grpc.ServerWritableStream<
		messages.InstallDependenciesRequest,
		messages.InstallDependenciesResponse
	>,
): void {
	const child = spawn("npm", ["install"], {
		cwd: call.request.getInfo()?.getProgramDirectory(),
		stdio: ["ignore", "pipe", "pipe"],
	});
	child.stdout.on("data", (chunk: Buffer) =>
		call.write(new messages.InstallDependenciesResponse().setStdout(chunk)),
	);
	child.stderr.on("data", (chunk: Buffer) =>
		call.write(new messages.InstallDependenciesResponse().setStderr(chunk)),
	);
	const fail = (details: string) =>
		call.emit("error", { code: grpc.status.UNKNOWN, details });
	child.on("error", (error) => fail(error.message));
	child.on("close", (code) =>
		code === 0 ? call.end() : fail(`npm install ended with exit code ${code}`),
	);
}

/** Stand-in for pulumi-language-nodejs: runs Node programs for the engine. */
const implementation: ILanguageRuntimeServer = {
	handshake: unary(async (request: messages.LanguageHandshakeRequest) => {
		engine = request.getEngineAddress() || engine;
		return new messages.LanguageHandshakeResponse();
	}),
	// Empty on purpose: a package named here is downloaded when it is not
	// installed, while plugins on PATH are found without.
	getRequiredPlugins: unary(
		async () => new messages.GetRequiredPluginsResponse(),
	),
	getRequiredPackages: unary(
		async () => new messages.GetRequiredPackagesResponse(),
	),
	run: unary(
		(
			request: messages.RunRequest,
			call: grpc.ServerUnaryCall<messages.RunRequest, messages.RunResponse>,
		) => {
			call.on("cancelled", () => cancelled.abort());
			return runProgram(request, engine, cancelled.signal);
		},
	),
	getPluginInfo: unary(async () => new PluginInfo().setVersion(version)),
	installDependencies,
	runtimeOptionsPrompts: unary(
		async () => new messages.RuntimeOptionsResponse(),
	),
	template: unary(async () => new messages.TemplateResponse()),
	about: unary(async () =>
		new messages.AboutResponse()
			.setExecutable(process.execPath)
			.setVersion(process.version),
	),
	getProgramDependencies: unary(
		async (request: messages.GetProgramDependenciesRequest) =>
			new messages.GetProgramDependenciesResponse().setDependenciesList(
				directDependencies(
					request.getInfo()?.getProgramDirectory() ?? request.getPwd(),
				).map(({ name, version: at }) =>
					new messages.DependencyInfo().setName(name).setVersion(at),
				),
			),
	),
	cancel: unary(async () => {
		cancelled.abort();
		return new Empty();
	}),
	runPlugin: (call) => {
		call.emit("error", {
			code: grpc.status.UNIMPLEMENTED,
			details: "RunPlugin is not part of this stand-in",
		});
	},
	generateProgram: refuse("GenerateProgram"),
	generateProject: refuse("GenerateProject"),
	generatePackage: refuse("GeneratePackage"),
	pack: refuse("Pack"),
	link: refuse("Link"),
};

void serve((server) =>
	server.addService(LanguageRuntimeService, implementation),
);
