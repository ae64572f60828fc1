import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { Control } from "./control";
import { startEmulatorProcess } from "./emulator-process";
import { playSteps } from "./play";
import type { Recorder } from "./recorder";
import { Rehearsal } from "./rehearsal";
import { type Lifetime, rehearsalFolder } from "./state";
import { createWorkspace, writeShellEnvironment } from "./workspace";

/** From set-up, for a shell that goes on where the rehearsal stopped. */
const fromSetUp = ["PATH", "PULUMI_HOME", "DOCKER_HOST"];

/**
 * Starts the emulator and configures both stacks on it. From here on this
 * process has the emulator's environment and works in the rehearsal's folder.
 */
export async function prepare(
	checkout: string,
	recorder: Recorder,
	lifetime: Lifetime,
): Promise<{ rehearsal: Rehearsal; configured: string[] }> {
	const logs = join(rehearsalFolder, "logs");
	for (const name of ["logs", "emulator", "program"]) {
		await rm(join(rehearsalFolder, name), { recursive: true, force: true });
	}
	await mkdir(logs, { recursive: true, mode: 0o700 });
	let prepared: { rehearsal: Rehearsal; configured: string[] } | undefined;
	await playSteps(recorder, "set the stage", [
		{
			title: "emulator with source, Stack Auth, TTN, mailbox and ACME",
			async run() {
				const environment = await startEmulatorProcess(checkout, logs, (pid) =>
					lifetime.emulatorStarted(pid),
				);
				Object.assign(environment, {
					CUTOVER_RESOLVER: environment.EMULATOR_RESOLVER,
					CUTOVER_CA_FILE: environment.ACME_ROOT_FILE,
				});
				Object.assign(process.env, environment);
				const control = new Control(environment.EMULATOR_CONTROL_URL ?? "");
				prepared = {
					rehearsal: new Rehearsal(
						checkout,
						recorder,
						environment,
						control,
						await control.logins(),
					),
					configured: [],
				};
				return environment.EMULATOR_NETWORK ?? "";
			},
		},
		{
			title: "stacks staging and production configured",
			async run() {
				if (!prepared) throw new Error("the emulator has not started");
				const { rehearsal } = prepared;
				await createWorkspace(checkout, rehearsal.folder);
				await writeShellEnvironment(rehearsal.folder, {
					...rehearsal.environment,
					...Object.fromEntries(
						fromSetUp.flatMap((name) => {
							const value = process.env[name];
							return value ? [[name, value]] : [];
						}),
					),
				});
				process.chdir(rehearsal.folder);
				prepared.configured = await rehearsal.configure(rehearsal.staging);
				await rehearsal.configure(rehearsal.production);
				return rehearsal.folder;
			},
		},
	]);
	if (!prepared) throw new Error("nothing was prepared");
	return prepared;
}
