import { cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { checkpointNames } from "../../cutover/evidence";
import { main } from "../../cutover/main";
import { Control } from "./control";
import { startEmulatorProcess } from "./emulator-process";
import { plan } from "./plan";
import { playCheckpoint, playSteps } from "./play";
import { provenance } from "./provenance";
import { Recorder } from "./recorder";
import { Rehearsal } from "./rehearsal";
import { release } from "./release";
import { returnSteps } from "./return";
import { rehearsalFolder, takeDown, writeState } from "./state";
import { writeSummary } from "./summary";
import { createWorkspace, writeShellEnvironment } from "./workspace";

const checkout = join(__dirname, "..", "..");

async function rehearse(options: {
	keep: boolean;
	interactive: boolean;
}): Promise<void> {
	const recorder = new Recorder(checkpointNames);
	const left = await takeDown();
	if (left) {
		recorder.issues.push({
			issue: `found ${left}`,
			resolution: "taken down before this one began",
		});
	}
	await writeState({ pid: process.pid, kept: false });
	const facts = { provenance: await provenance(), configured: [] as string[] };
	// Ctrl-C ends the whole group; the emulator is apart and is taken down here.
	process.once("SIGINT", () => void stop(130));
	process.once("SIGTERM", () => void stop(143));
	let complete = false;
	try {
		const rehearsal = await prepare(recorder, facts.configured);
		for (const checkpoint of plan(rehearsal)) {
			await playCheckpoint(rehearsal, checkpoint, {
				interactive: options.interactive,
				release: await release(checkout, rehearsal),
			});
		}
		if (options.keep) {
			await writeState({
				pid: process.pid,
				emulatorPid: emulatorPid ?? 0,
				kept: true,
			});
			sayKept(rehearsal);
		} else {
			await playSteps(recorder, "return", returnSteps(rehearsal), true);
		}
		complete = true;
	} finally {
		await cp(
			join(rehearsalFolder, "program", "evidence"),
			join(checkout, "evidence", "rehearsal"),
			{ recursive: true, force: true },
		).catch(() => undefined);
		await writeSummary(checkout, recorder, facts);
		process.stdout.write(
			`\n${complete ? "done" : "stopped"}: SUMMARY.md, evidence/rehearsal/summary.json\n`,
		);
		if (!(complete && options.keep)) await stop();
	}
}

let emulatorPid: number | undefined;

/** Emulator, workspace and stacks, ready for the first checkpoint. */
async function prepare(
	recorder: Recorder,
	configured: string[],
): Promise<Rehearsal> {
	let prepared: Rehearsal | undefined;
	const ready = () => {
		if (!prepared) throw new Error("the emulator has not started");
		return prepared;
	};
	await rm(rehearsalFolder, { recursive: true, force: true });
	await mkdir(join(rehearsalFolder, "logs"), { recursive: true, mode: 0o700 });
	await playSteps(recorder, "set the stage", [
		{
			title: "emulator with source, Stack Auth, TTN, mailbox and ACME",
			async run() {
				const environment = await startEmulatorProcess(
					checkout,
					join(rehearsalFolder, "logs"),
					async (pid) => {
						emulatorPid = pid;
						await writeState({
							pid: process.pid,
							emulatorPid: pid,
							kept: false,
						});
					},
				);
				Object.assign(environment, {
					CUTOVER_RESOLVER: environment.EMULATOR_RESOLVER,
					CUTOVER_CA_FILE: environment.ACME_ROOT_FILE,
				});
				Object.assign(process.env, environment);
				const logins = await new Control(
					environment.EMULATOR_CONTROL_URL ?? "",
				).logins();
				prepared = new Rehearsal(checkout, recorder, environment, logins);
				return environment.EMULATOR_NETWORK ?? "";
			},
		},
		{
			title: "stacks staging and production configured",
			async run() {
				const rehearsal = ready();
				await createWorkspace(checkout, rehearsal.folder);
				await writeShellEnvironment(rehearsal.folder, {
					...rehearsal.environment,
					PATH: process.env.PATH ?? "",
					...(process.env.PULUMI_HOME
						? { PULUMI_HOME: process.env.PULUMI_HOME }
						: {}),
				});
				process.chdir(rehearsal.folder);
				configured.push(...(await rehearsal.configure(rehearsal.staging)));
				await rehearsal.configure(rehearsal.production);
				return rehearsal.folder;
			},
		},
	]);
	return ready();
}

async function stop(exitCode?: number): Promise<void> {
	await writeState({
		pid: process.pid,
		...(emulatorPid ? { emulatorPid } : {}),
		kept: false,
	});
	await takeDown();
	if (exitCode !== undefined) process.exit(exitCode);
}

function sayKept(rehearsal: Rehearsal): void {
	const { outputs } = rehearsal.site("production");
	const { carried, reset } = rehearsal.logins;
	process.stdout.write(`
Everything stays up until: npm run rehearse -- --down

  names      ${Object.values(outputs.hostnames).join(", ")}
  ask them   dig @${rehearsal.environment.EMULATOR_RESOLVER?.split(":")[0]} ${outputs.domain}
  new home   ${outputs.reservedIp} (Droplet ${outputs.dropletAddresses.join(", ")}), old ${outputs.legacyAddress}
  page       curl --cacert ${rehearsal.environment.ACME_ROOT_FILE} --resolve ${outputs.domain}:443:${outputs.reservedIp} https://${outputs.domain}/
  log-ins    ${carried.email} / ${carried.password} (hash carried)
             ${reset.email} / ${reset.password} (asked to reset)
  pulumi     cd ${rehearsal.folder} && . ./env.sh && pulumi up -s production
  logs       ${rehearsal.logs}
`);
}

main(async () => {
	const { values } = parseArgs({
		options: {
			keep: { type: "boolean", default: false },
			down: { type: "boolean", default: false },
			interactive: { type: "boolean", default: false },
		},
	});
	if (values.down) {
		const left = await takeDown();
		process.stdout.write(`${left ? `taken down: ${left}` : "nothing is up"}\n`);
		return;
	}
	await rehearse(values);
});
