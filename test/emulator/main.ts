import { randomBytes } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import Docker from "dockerode";
import { ExitCode, UserError } from "../../cutover/errors";
import { type Emulator, startEmulator } from "./index";
import { createDockerMachines } from "./machines";
import { emulatorLabels } from "./machines/owner";
import { InMemoryMachines } from "./memory-machines";
import { findDescription, loadDescription } from "./openapi";
import { startPeers } from "./peers";
import { createRunFolder } from "./run-folder";

const help = `Emulates DigitalOcean, and all else that a cutover talks to, on this machine.

  npm run emulator [-- OPTIONS]

  --json             print the environment as one line of JSON instead of export lines
  --state DIR        folder for the files of this run, such as Pulumi's state
                     (default: emulator/ in the cache folder)
  --machines memory  the API and DNS alone: Droplets and databases are records
                     with nothing behind them, for trying API clients
  --help

It stays in the foreground until SIGINT or SIGTERM, then takes all down.
`;

async function main(): Promise<void> {
	const { values } = readArguments();
	if (values.help) {
		process.stdout.write(help);
		return;
	}
	const stop = stopSignal();
	const folder = await createRunFolder(
		resolve(values.state ?? defaultStateDirectory()),
	);
	const closers: (() => Promise<unknown>)[] = [
		() => rm(folder, { recursive: true, force: true }),
	];
	try {
		const environment = await start(values.machines, folder, closers);
		process.stdout.write(format(environment, values.json));
		await stop;
	} finally {
		for (const closer of closers.reverse()) await closer();
	}
}

function readArguments() {
	try {
		const parsed = parseArgs({
			options: {
				json: { type: "boolean", default: false },
				state: { type: "string" },
				machines: { type: "string", default: "docker" },
				help: { type: "boolean", default: false },
			},
		});
		if (!["docker", "memory"].includes(parsed.values.machines))
			throw new Error(`--machines ${parsed.values.machines}`);
		return parsed;
	} catch (error) {
		throw new UserError({
			expected: "the options that --help lists",
			found: (error as Error).message,
			fix: "npm run emulator -- --help",
		});
	}
}

/** Starts all parts, and leaves in `closers` how to stop those that started. */
async function start(
	machines: string,
	folder: string,
	closers: (() => Promise<unknown>)[],
): Promise<Record<string, string>> {
	const description = findDescription();
	const check = description ? loadDescription(description) : undefined;
	const emulator = await startEmulator({
		machines:
			machines === "memory" ? new InMemoryMachines() : await dockerMachines(),
		onExchange: (exchange, control) =>
			control.violations.push(...(check?.violations(exchange) ?? [])),
	});
	closers.push(() => emulator.close());
	const environment = await environmentOf(emulator, folder);
	if (machines === "memory") return environment;

	const peers = await startPeers({
		docker: new Docker(),
		network: emulator.context.machines.network,
		stateDir: folder,
		labels: emulatorLabels(),
		resolver: environment.EMULATOR_RESOLVER ?? "",
		onProgress: (what) => process.stderr.write(`${what}\n`),
	});
	closers.push(() => peers.close());
	emulator.control.addHook(peers.hook);
	return { ...environment, ...peers.environment };
}

async function dockerMachines() {
	try {
		return await createDockerMachines();
	} catch (error) {
		const { code, address } = error as NodeJS.ErrnoException & {
			address?: string;
		};
		if (!["ENOENT", "ECONNREFUSED", "EACCES"].includes(code ?? "")) throw error;
		throw new UserError(
			{
				expected: "a running Docker Engine that this user may use",
				found: `${code} at ${address ?? process.env.DOCKER_HOST ?? "its socket"}`,
				fix: "npm run setup, which starts one, or set DOCKER_HOST",
			},
			ExitCode.failure,
		);
	}
}

/** What clients of the emulated account have to know; the names are the clients' own. */
async function environmentOf(
	emulator: Emulator,
	folder: string,
): Promise<Record<string, string>> {
	const backend = join(folder, "pulumi");
	await mkdir(backend);
	// The last one is on the public network's gateway, where there is one.
	const resolver = emulator.resolvers.at(-1);
	return {
		DIGITALOCEAN_API_URL: emulator.url,
		DIGITALOCEAN_TOKEN: emulator.token,
		DIGITALOCEAN_ACCESS_TOKEN: emulator.token,
		PULUMI_BACKEND_URL: `file://${backend}`,
		PULUMI_CONFIG_PASSPHRASE: randomBytes(18).toString("base64url"),
		EMULATOR_RESOLVER: `${resolver?.address}:${resolver?.port}`,
		EMULATOR_CONTROL_URL: `${emulator.url}/_emulator`,
		EMULATOR_NETWORK: emulator.context.machines.network.subnet,
	};
}

/** The same folder as set-up's: see test/setup/cache.mjs. */
function defaultStateDirectory(): string {
	const { CUTOVER_CACHE, XDG_CACHE_HOME } = process.env;
	const caches = XDG_CACHE_HOME || join(homedir(), ".cache");
	return join(CUTOVER_CACHE || join(caches, "cutover"), "emulator");
}

function format(environment: Record<string, string>, json: boolean): string {
	if (json) return `${JSON.stringify(environment)}\n`;
	return Object.entries(environment)
		.map(([name, value]) => `export ${name}='${value}'\n`)
		.join("");
}

/** Resolves at the first SIGINT or SIGTERM; later ones do not cut the take-down short. */
function stopSignal(): Promise<void> {
	return new Promise((done) => {
		for (const signal of ["SIGINT", "SIGTERM"] as const)
			process.on(signal, () => done());
	});
}

main().catch((error: unknown) => {
	const known = error instanceof UserError;
	const text = known
		? error.message
		: error instanceof Error
			? error.stack
			: String(error);
	process.stderr.write(`${text}\n`);
	process.exitCode = known ? error.exitCode : ExitCode.failure;
});
