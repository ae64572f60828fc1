import { join } from "node:path";
import type { Credentials } from "../../cutover/checks/completion";
import { Site } from "../../cutover/checks/site";
import { now } from "../../cutover/clock";
import { runOrThrow } from "../../cutover/run";
import { type Flags, rungOf } from "../../cutover/rungs";
import { readStack } from "../../cutover/stack";
import { leftBehind } from "../freshtrack/left-behind";
import type { Control } from "./control";
import { OldSystem } from "./old-system";
import { fullKey, Pulumi, type UpdateResult } from "./pulumi";
import type { Recorder } from "./recorder";
import { rehearsalFolder } from "./state";
import type { Used } from "./use";

/** Everything the steps of a rehearsal share. */
export class Rehearsal {
	readonly folder = join(rehearsalFolder, "program");
	readonly logs = join(rehearsalFolder, "logs");
	readonly staging = new Pulumi("staging", this.folder, this.logs);
	readonly production = new Pulumi("production", this.folder, this.logs);
	readonly oldSystem: OldSystem;
	/** What the new system was used for between switch and return. */
	used: Used | undefined;
	readonly #sites = new Map<string, Site>();

	constructor(
		readonly checkout: string,
		readonly recorder: Recorder,
		readonly environment: Record<string, string>,
		readonly control: Control,
		readonly logins: { carried: Credentials; reset: Credentials },
	) {
		this.oldSystem = new OldSystem(environment);
	}

	/** Reads a deployed stack anew. */
	async readSite(stack: string): Promise<Site> {
		const { outputs, config } = await readStack(stack);
		const site = new Site(stack, outputs, config);
		this.#sites.set(stack, site);
		return site;
	}

	/** A stack as it was read last. */
	site(stack: string): Site {
		const site = this.#sites.get(stack);
		if (!site) throw new Error(`stack ${stack} has not been deployed yet`);
		return site;
	}

	/** Sets flags of production and lets `pulumi up` see them through. */
	async climb(flags: Partial<Flags>): Promise<UpdateResult> {
		for (const [flag, value] of Object.entries(flags))
			await this.production.set(flag, String(value));
		const result = await this.production.up();
		const { outputs } = await this.readSite("production");
		this.recorder.ladder.push({
			rung: rungOf(outputs.flags),
			at: now().toISOString(),
			by: "the rehearsal",
		});
		return result;
	}

	/**
	 * Sets what differs on this machine, as an operator would for a real
	 * account: addresses of the parts outside DigitalOcean, and the secrets.
	 */
	async configure(pulumi: Pulumi): Promise<string[]> {
		const value = (name: string): string => {
			const found = this.environment[name];
			if (!found) throw new Error(`the emulator gave no ${name}`);
			return found;
		};
		const plain: [key: string, value: string][] = [
			["legacyAddress", value("LEGACY_ADDRESS")],
			["sshCidrs[0]", value("EMULATOR_NETWORK")],
			["resolvers[0]", value("EMULATOR_RESOLVER")],
			["acme.directory", value("ACME_DIRECTORY_URL")],
			["acme.caFile", value("PRIVATE_ROOTS_FILE")],
			// Its official image lies in a registry that the Droplets' mirror is none of.
			["images.cadvisor", "cutover/cadvisor:v0.52.1"],
			["stackAuth.apiUrl", value("STACK_AUTH_API_URL")],
			["stackAuth.projectId", value("STACK_AUTH_PROJECT_ID")],
			[
				"stackAuth.publishableClientKey",
				value("STACK_AUTH_PUBLISHABLE_CLIENT_KEY"),
			],
			["ttn.apiUrl", value("TTN_API_URL")],
			...value("TTN_APPLICATION_IDS")
				.split(",")
				.map((id, index): [string, string] => [
					`ttn.applicationIds[${index}]`,
					id,
				]),
			["supabase.apiUrl", value("SUPABASE_API_URL")],
			["supabase.projectRef", value("SUPABASE_PROJECT_REF")],
			...leftBehind.map((reject, index): [string, string] => [
				`migration:acceptRejects[${index}]`,
				reject,
			]),
		];
		const secret: [key: string, value: string][] = [
			["stackAuthSecretServerKey", value("STACK_AUTH_SECRET_SERVER_KEY")],
			["sourceDatabaseUrl", value("SOURCE_DATABASE_URL")],
			["ttnApiKey", value("TTN_API_KEY")],
			["supabaseAccessToken", value("SUPABASE_ACCESS_TOKEN")],
			["smtpUrl", value("SMTP_URL")],
		];
		await pulumi.init();
		await pulumi.setAll(plain);
		for (const [key, text] of secret) await pulumi.setSecret(key, text);
		return [...plain, ...secret].map(([key]) => fullKey(key));
	}

	/**
	 * One of the project's commands, as a person gives it beside the stacks' files.
	 *
	 * @returns its standard output.
	 */
	async npm(script: string, ...args: string[]): Promise<string> {
		const command = ["run", "--silent", script, "--", ...args];
		const { stdout } = await runOrThrow("npm", command, { cwd: this.folder });
		return stdout.trim();
	}
}
