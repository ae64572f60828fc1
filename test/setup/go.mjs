import {
	copyFileSync,
	mkdirSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { SetupError } from "./errors.mjs";
import { run, which } from "./exec.mjs";

/**
 * Builds one command of a Go module to a file, in a module of its own: `go
 * install package@version` refuses modules that have replace directives, as
 * Pulumi's do.
 * @param {object} job
 * @param {import("./cache.mjs").Cache} job.cache
 * @param {string} job.module for instance github.com/caddyserver/caddy/v2
 * @param {string} job.version for instance v2.11.9
 * @param {string} [job.command] the package in the module, for instance cmd/caddy
 * @param {string} [job.source] a Go file over the module's packages, where it has no
 *   command that a proxy knows
 * @param {string} job.output file to write
 * @param {string} [job.ldflags] for the linker, beside leaving out debug data
 * @param {string} job.log
 * @throws {SetupError} when there is no Go
 */
export async function buildGo({
	cache,
	module,
	version,
	command,
	source,
	output,
	ldflags = "",
	log,
}) {
	const { work, go } = workshop({ cache, module, version, output, log });
	writeFileSync(`${work}/go.mod`, "module build\n");
	if (source) copyFileSync(source, `${work}/main.go`);
	const path = source ? module : `${module}/${command}`;
	await go(["get", `${path}@${version}`]);
	const aside = `${output}.new`;
	// What the file needs besides is in the version that the module asks for.
	const built = source ? ["-mod=mod", "-o", aside, "."] : ["-o", aside, path];
	await go(["build", "-ldflags", `-s -w ${ldflags}`, ...built]);
	// Renamed, so that a kill never leaves half a program under the final name.
	renameSync(aside, output);
	rmSync(work, { recursive: true });
}

/**
 * Builds an OpenTelemetry Collector of the parts that a file of its builder lists.
 * @param {object} job
 * @param {import("./cache.mjs").Cache} job.cache
 * @param {string} job.version of the builder
 * @param {string} job.parts the file; it names the program otelcol-contrib, in ./out
 * @param {string} job.output file to write
 * @param {string} job.log
 * @throws {SetupError} when there is no Go
 */
export async function buildCollector({ cache, version, parts, output, log }) {
	const module = "go.opentelemetry.io/collector/cmd/builder";
	const { work, go } = workshop({ cache, module, version, output, log });
	copyFileSync(parts, `${work}/builder.yaml`);
	await go(["run", `${module}@${version}`, "--config", "builder.yaml"]);
	renameSync(`${work}/out/otelcol-contrib`, output);
	rmSync(work, { recursive: true });
}

/** An empty folder to build in, and Go bound to it. */
function workshop({ cache, module, version, output, log }) {
	if (!which("go"))
		throw new SetupError({
			expected: `to download ${module} ${version} as a ready program, or Go 1.25 or newer to build it`,
			found: "no go command on PATH, and the download failed",
			fix: "let this machine reach the official download, or install Go (https://go.dev/doc/install)",
		});
	const work = cache.path("go", `work-${output.split("/").at(-1)}`);
	rmSync(work, { recursive: true, force: true });
	mkdirSync(work, { recursive: true });
	const env = {
		...process.env,
		CGO_ENABLED: "0",
		// In the cache folder and deletable, so that clean takes them along.
		GOPATH: cache.path("go"),
		GOMODCACHE: cache.path("go", "modules"),
		GOCACHE: cache.path("go", "build"),
		GOFLAGS: "-modcacherw -buildvcs=false -trimpath",
		// A Go too old for the module fetches the right one by itself.
		GOTOOLCHAIN: "auto",
		GOWORK: "off",
	};
	return { work, go: (args) => run("go", args, { cwd: work, env, log }) };
}
