import { existsSync, rmSync } from "node:fs";
import { delimiter, resolve } from "node:path";
import { checkDisk } from "./disk.mjs";
import { ensureEngine, ownHost, stopEngine } from "./engine.mjs";
import { SetupError } from "./errors.mjs";
import { interrupt, resume } from "./exec.mjs";
import { ensureFromImage } from "./from-image.mjs";
import { ensureImage, readImages } from "./images.mjs";
import { Users, withLock } from "./lock.mjs";
import { ensurePackages } from "./npm.mjs";
import { ensureCli, ensurePlugins, usePlugins } from "./pulumi.mjs";
import { push, REGISTRY, startRegistry, stopRegistry } from "./registry.mjs";
import { ALERTING, BROWSER, ensureTools, RESOLVER, RIVALS } from "./tools.mjs";
import { ensureUnpacked, MONITORING } from "./unpacked.mjs";

/** What tests run without a container, out of the services' own images. */
const PROGRAMS = [
	{ folder: "test/images/caddy", file: "/usr/bin/caddy" },
	{ folder: "test/images/otel-collector", file: "/otelcol-contrib" },
];
const GIB = 1024 ** 3;
/** Twice what an empty cache was seen to grow to at most, engine included. */
const DISK_COLD = 12 * GIB;
/** For the containers and volumes of a rehearsal, when all is in the cache. */
const DISK_WARM = 3 * GIB;

/**
 * One use of what set-up provides: start gets all that is missing, end stops
 * what runs only for this use.
 */
export class Session {
	/**
	 * @param {string} root of the repository
	 * @param {import("./cache.mjs").Cache} cache
	 * @param {import("./report.mjs").Report} report
	 */
	constructor(root, cache, report) {
		this.root = root;
		this.cache = cache;
		this.report = report;
		this.users = new Users(cache.path("users"));
		/** @type {import("./docker.mjs").Docker | undefined} */
		this.docker = undefined;
		this.registry = undefined;
		this.pathFolders = [cache.bin];
	}

	/**
	 * Prepares everything.
	 * @param {{plugins?: string}} options plugins: a folder that replaces ours
	 * @returns {Promise<{env: NodeJS.ProcessEnv}>} the environment for the program
	 */
	async start({ plugins }) {
		if (plugins !== undefined) this.#checkPlugins(plugins);
		const started = Date.now();
		this.users.enter();
		await this.#locked(async () => {
			const { report } = this;
			await report.step("disk space", async () => this.#checkDisk());
			// First of all: without an engine nothing else is worth its time.
			await this.#ensureEngine();
			const packages = report.step("npm packages", () =>
				ensurePackages(this.root, this.cache),
			);
			await both(
				packages.then(() => this.#pulumi(plugins)),
				this.#images(packages),
			);
			// Sources and objects of several GiB; the programs built of them stay.
			rmSync(this.cache.path("go"), { recursive: true, force: true });
			this.report.writeProvenance(this.cache.path("provenance.json"));
			this.cache.update((state) => {
				state.complete = true;
			});
		});
		const seconds = ((Date.now() - started) / 1000).toFixed(1);
		this.report.print(`Set-up complete after ${seconds} s.`);
		return { env: this.#environment() };
	}

	/** Only the engine: all that is needed to take things down. */
	async startEngine() {
		this.users.enter();
		await this.#locked(() => this.#ensureEngine());
		return { env: this.#environment() };
	}

	/** What the tests need besides: call it after start. */
	async addTestTools() {
		await this.#locked(async () => {
			const { report, cache, docker } = this;
			await report.step("dig", () => ensureTools(cache, RESOLVER));
			await report.step("Alertmanager", () => ensureTools(cache, ALERTING));
			await report.step("Prometheus and exporters", () =>
				ensureUnpacked(cache, MONITORING),
			);
			const images = readImages(this.root);
			for (const { folder, file } of PROGRAMS) {
				const { name } = images.find((image) => image.folder === folder);
				await report.step(file.slice(file.lastIndexOf("/") + 1), () =>
					ensureFromImage(cache, docker, name, file),
				);
			}
			await report.step("browser", () => ensureTools(cache, BROWSER));
		});
	}

	/** Only what the copies are measured with: packages, and the tools beside ours. */
	async startBench() {
		this.users.enter();
		await this.#locked(async () => {
			const { report } = this;
			await report.step("npm packages", () =>
				ensurePackages(this.root, this.cache),
			);
			await report.step("pgcopydb and pg_dump", () =>
				ensureTools(this.cache, RIVALS),
			);
		});
		return { env: this.#environment() };
	}

	/**
	 * Stops registry and daemon when nobody else uses them and nobody asked to
	 * keep them.
	 * @param {{keep: boolean, down: boolean}} options keep: leave them for later;
	 *   down: nothing is kept any longer
	 */
	async end({ keep, down }) {
		resume();
		if (keep || down)
			this.cache.update((state) => {
				state.kept = keep;
			});
		this.users.leave();
		const inUse = () =>
			this.cache.read().kept || this.users.others().length > 0;
		if (this.docker === undefined || inUse()) return;
		await this.#locked(async () => {
			// Somebody may have come while we waited.
			if (inUse()) return;
			await stopRegistry(this.docker);
			if (this.docker.host === ownHost(this.cache))
				await stopEngine(this.cache);
		});
	}

	#locked(work) {
		return withLock(this.cache.path("lock"), work, (pid) =>
			this.report.print(`Waiting for the set-up of process ${pid} …`),
		);
	}

	#checkDisk() {
		const { complete } = this.cache.read();
		return checkDisk(
			"the cache folder",
			this.cache.folder,
			complete ? DISK_WARM : DISK_COLD,
		);
	}

	async #ensureEngine() {
		await this.report.step("Docker Engine", () =>
			ensureEngine(this.cache, (docker) => {
				this.docker = docker;
			}),
		);
	}

	async #pulumi(plugins) {
		await this.report.step("Pulumi CLI", () =>
			ensureCli(this.root, this.cache),
		);
		const { folders } = await this.report.step(
			"language host and plugins",
			() =>
				plugins === undefined
					? ensurePlugins(this.root, this.cache, this.#environment())
					: Promise.resolve(usePlugins(resolve(plugins))),
		);
		this.pathFolders.unshift(...folders);
	}

	/** @param {Promise<unknown>} packages settles when node_modules is there */
	async #images(packages) {
		const { root, cache, docker } = this;
		const images = readImages(root);
		for (const image of images) {
			if (image.context?.some((path) => path.startsWith("node_modules/")))
				await packages;
			await this.report.step(`image ${image.name}`, () =>
				ensureImage({ root, cache, docker, image }),
			);
		}
		await this.report.step("registry for the Droplets", async () => {
			this.registry = await startRegistry(docker);
			let pushed = 0;
			for (const { name } of images.filter(({ registry }) => registry))
				if (await push(docker, this.registry, name)) pushed += 1;
			return { detail: `${this.registry}, ${pushed} images pushed` };
		});
	}

	#environment() {
		const env = {
			...process.env,
			PATH: [...this.pathFolders, process.env.PATH].join(delimiter),
			PULUMI_HOME: this.cache.path("pulumi-home"),
			PULUMI_SKIP_UPDATE_CHECK: "true",
			CUTOVER_CACHE: this.cache.folder,
			CUTOVER_PROVENANCE: this.cache.path("provenance.json"),
			CUTOVER_REGISTRY: this.registry,
			CUTOVER_REGISTRY_CONTAINER: REGISTRY,
			DOCKER_HOST: this.docker?.host,
		};
		delete env.DOCKER_CONTEXT;
		return env;
	}

	#checkPlugins(folder) {
		if (existsSync(resolve(folder, "pulumi-language-nodejs"))) return;
		throw new SetupError({
			expected:
				"--plugins DIR with pulumi-language-nodejs and pulumi-resource-* in it",
			found: `no pulumi-language-nodejs in ${resolve(folder)}`,
			fix: "give the folder of the unpacked official plugins and language host",
		});
	}
}

/** Two lines of work side by side; when one fails, the other is ended too. */
async function both(...works) {
	let failure;
	const watched = works.map((work) =>
		work.catch((error) => {
			failure ??= error;
			interrupt();
		}),
	);
	await Promise.all(watched);
	if (failure) throw failure;
}
