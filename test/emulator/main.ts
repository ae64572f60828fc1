import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { UserError } from "../../cutover/errors";
import { startEmulator } from "./index";
import { InMemoryMachines } from "./memory-machines";

const help = `Emulates DigitalOcean, and all that a cutover talks to, on this machine.

  npm run emulator [-- OPTIONS]

  --json             print the environment as one line of JSON instead of export lines
  --state DIR        folder for what lasts, such as Pulumi's state
                     (default: emulator/ in the cache folder)
  --machines memory  the API and DNS alone: Droplets and databases are records
                     with nothing behind them, for trying API clients
  --help

It stays in the foreground until SIGINT or SIGTERM, then takes all down.
`;

interface Options {
	json: boolean;
	stateDirectory: string;
}

async function main(): Promise<void> {
	const { values } = parseArgs({
		options: {
			json: { type: "boolean", default: false },
			state: { type: "string" },
			machines: { type: "string", default: "memory" },
			help: { type: "boolean", default: false },
		},
	});
	if (values.help) {
		process.stdout.write(help);
		return;
	}
	await run({
		json: values.json,
		stateDirectory: resolve(values.state ?? defaultStateDirectory()),
	});
}

async function run(options: Options): Promise<void> {
	const stop = stopSignal();
	const stateBackend = join(options.stateDirectory, "pulumi");
	await mkdir(stateBackend, { recursive: true, mode: 0o700 });
	const emulator = await startEmulator({ machines: new InMemoryMachines() });
	try {
		const [resolver] = emulator.resolvers.slice(-1);
		print(options, {
			DIGITALOCEAN_API_URL: emulator.url,
			DIGITALOCEAN_TOKEN: emulator.token,
			DIGITALOCEAN_ACCESS_TOKEN: emulator.token,
			PULUMI_BACKEND_URL: `file://${stateBackend}`,
			PULUMI_CONFIG_PASSPHRASE: randomBytes(18).toString("base64url"),
			EMULATOR_RESOLVER: `${resolver?.address}:${resolver?.port}`,
			EMULATOR_CONTROL_URL: `${emulator.url}/_emulator`,
			EMULATOR_NETWORK: emulator.context.machines.network.subnet,
		});
		await stop;
	} finally {
		await emulator.close();
	}
}

/** The same folder as set-up's: see test/setup/cache.mjs. */
function defaultStateDirectory(): string {
	const cache =
		process.env.CUTOVER_CACHE ??
		join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "cutover");
	return join(cache, "emulator");
}

function print(options: Options, environment: Record<string, string>): void {
	const text = options.json
		? JSON.stringify(environment)
		: Object.entries(environment)
				.map(([name, value]) => `export ${name}='${value}'`)
				.join("\n");
	process.stdout.write(`${text}\n`);
}

/** Resolves at the first SIGINT or SIGTERM; later ones do not cut the take-down short. */
function stopSignal(): Promise<void> {
	return new Promise((resolve) => {
		for (const signal of ["SIGINT", "SIGTERM"] as const)
			process.on(signal, () => resolve());
	});
}

main().catch((error: unknown) => {
	process.stderr.write(
		error instanceof UserError
			? `${error.message}\n`
			: `${error instanceof Error ? error.stack : error}\n`,
	);
	process.exitCode = error instanceof UserError ? error.exitCode : 1;
});
