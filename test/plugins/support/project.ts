import { execFile } from "node:child_process";
import {
	mkdirSync,
	mkdtempSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const root = join(__dirname, "../../..");
const run = promisify(execFile);

/** What a run of the CLI ended with. */
export interface CliResult {
	code: number;
	/** Both streams. */
	output: string;
}

/** The parts of an exported state that the tests look at. */
export interface State {
	deployment: {
		resources?: {
			type: string;
			urn: string;
			id?: string;
			inputs?: Record<string, unknown>;
			outputs?: Record<string, unknown>;
		}[];
	};
}

/**
 * A Pulumi project in a folder of its own, with a file backend, run by the real
 * CLI and the stand-ins as built from the checkout.
 */
export class Project {
	private readonly folder: string;
	private readonly env: NodeJS.ProcessEnv;

	private constructor(folder: string, environment: NodeJS.ProcessEnv) {
		this.folder = folder;
		this.env = {
			...process.env,
			PATH: [join(folder, "bin"), process.env.PATH].join(delimiter),
			PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
			PULUMI_CONFIG_PASSPHRASE: "only for this test",
			PULUMI_HOME: join(folder, "home"),
			PULUMI_SKIP_UPDATE_CHECK: "true",
			...environment,
		};
	}

	/**
	 * Builds the stand-ins and makes the stack.
	 *
	 * @param program TypeScript of index.ts
	 * @param environment for every run of the CLI
	 */
	static async create(
		program: string,
		environment: NodeJS.ProcessEnv = {},
	): Promise<Project> {
		const folder = mkdtempSync(join(tmpdir(), "plugins-test-"));
		for (const name of ["bin", "state", "home"]) {
			mkdirSync(join(folder, name));
		}
		symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
		writeFileSync(
			join(folder, "Pulumi.yaml"),
			"name: trial\nmain: .\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n    nodeargs: --import tsx\n",
		);
		writeFileSync(
			join(folder, "package.json"),
			'{"name":"trial","private":true,"main":"index.ts"}\n',
		);
		const project = new Project(folder, environment);
		project.program(program);
		await run(process.execPath, [
			join(root, "test/plugins/build.mjs"),
			join(folder, "bin"),
		]);
		await project.mustRun("stack", "init", "test");
		return project;
	}

	/** Replaces the program. */
	program(text: string): void {
		writeFileSync(join(this.folder, "index.ts"), text);
	}

	/** Runs the CLI, whatever comes of it. */
	async run(...args: string[]): Promise<CliResult> {
		try {
			const { stdout, stderr } = await run(
				"pulumi",
				[...args, "--non-interactive"],
				{ cwd: this.folder, env: this.env, maxBuffer: 64 * 1024 * 1024 },
			);
			return { code: 0, output: stdout + stderr };
		} catch (error) {
			const failed = error as {
				code?: number | string;
				stdout?: string;
				stderr?: string;
				message: string;
			};
			if (typeof failed.code !== "number") {
				throw error;
			}
			return {
				code: failed.code,
				output: `${failed.stdout ?? ""}${failed.stderr ?? ""}`,
			};
		}
	}

	/** @throws Error with all that was printed where the CLI fails */
	async mustRun(...args: string[]): Promise<string> {
		const { code, output } = await this.run(...args);
		if (code !== 0) {
			throw new Error(
				`pulumi ${args.join(" ")} ended with ${code}:\n${output}`,
			);
		}
		return output;
	}

	up(...args: string[]): Promise<string> {
		return this.mustRun("up", "--yes", "--skip-preview", ...args);
	}

	async outputs(): Promise<Record<string, unknown>> {
		const { stdout } = await run(
			"pulumi",
			["stack", "output", "--json", "--show-secrets"],
			{ cwd: this.folder, env: this.env },
		);
		return JSON.parse(stdout) as Record<string, unknown>;
	}

	/** The state as it is stored, secrets encrypted. */
	async exported(): Promise<{ text: string; state: State }> {
		const { stdout } = await run("pulumi", ["stack", "export"], {
			cwd: this.folder,
			env: this.env,
			maxBuffer: 64 * 1024 * 1024,
		});
		return { text: stdout, state: JSON.parse(stdout) as State };
	}

	/** Destroys what is left and removes the folder. */
	async close(): Promise<void> {
		await this.run("destroy", "--yes", "--skip-preview");
		rmSync(this.folder, { recursive: true, force: true });
	}
}
