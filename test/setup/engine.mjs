import { spawn } from "node:child_process";
import {
	existsSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	rmSync,
} from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { canInstall, install } from "./apt.mjs";
import { Docker } from "./docker.mjs";
import { SetupError } from "./errors.mjs";
import { attempt, which } from "./exec.mjs";

/** A socket's path may have 108 bytes (sun_path in unix(7)); the daemon's longest is this much below its folder. */
const LONGEST_FOLDER = 108 - "/exec/containerd/containerd-debug.sock".length;
const START_MS = 60_000;
const STOP_MS = 60_000;
/** For a daemon that does not answer: it will hardly end in order either. */
const HUNG_MS = 10_000;
const LOOK_MS = 200;

/** Files and folders of the daemon that set-up runs itself. */
function places(cache) {
	const folder = cache.path("docker");
	return {
		folder,
		data: `${folder}/data`,
		exec: `${folder}/exec`,
		pidFile: `${folder}/docker.pid`,
		socket: `${folder}/docker.sock`,
		log: `${folder}/dockerd.log`,
	};
}

/**
 * Finds a running Docker Engine, else installs and starts one.
 * @param {import("./cache.mjs").Cache} cache
 * @param {(docker: Docker) => void} found gets the engine's client
 */
export async function ensureEngine(cache, found) {
	const { docker, version, problems } = await findEngine(cache);
	if (docker) {
		found(docker);
		return engineResult(version, docker.host === ownHost(cache));
	}
	const given = process.env.DOCKER_HOST;
	if (given)
		throw new SetupError({
			expected: `a Docker Engine at DOCKER_HOST=${given}`,
			found: problems.join("; "),
			fix: "start that engine, or unset DOCKER_HOST to let set-up find or start one",
		});
	if (!canInstall())
		throw new SetupError({
			expected:
				"a running Docker Engine, or root on Debian or Ubuntu to install and start one",
			found: `user id ${process.getuid?.() ?? "unknown"}; ${problems.join("; ")}`,
			fix: "start Docker, or add this user to its group, or run as root on Debian or Ubuntu",
		});
	if (!which("dockerd") || !which("docker") || !which("iptables"))
		await installEngine(cache);
	const own = new Docker(ownHost(cache));
	const started = await startEngine(cache, own);
	found(own);
	return engineResult(started, true);
}

function engineResult(version, own) {
	const detail = own ? "Debian's package, daemon of set-up" : "running here";
	return {
		source: own ? "official" : "found",
		version,
		detail,
		parts: { "Docker Engine": { source: "official", version, detail } },
	};
}

/** The first engine that answers, else why none does. */
async function findEngine(cache) {
	if (!which("docker")) {
		if (!existsSync("/var/run/docker.sock") || !canInstall())
			return { problems: ["no docker command on PATH"] };
		// An engine without its client: the client comes with the same package.
		await installEngine(cache);
	}
	const problems = [];
	for (const host of await candidates(cache)) {
		const docker = new Docker(host);
		const version = await docker.version();
		if (version) return { docker, version, problems };
		problems.push(docker.problem);
	}
	return { problems };
}

/** DOCKER_HOST alone when it is set, else the client's own choice, then set-up's daemon. */
async function candidates(cache) {
	if (process.env.DOCKER_HOST) return [process.env.DOCKER_HOST];
	const format = "{{.Endpoints.docker.Host}}";
	const args = ["context", "inspect", "--format", format];
	const context = (await attempt("docker", args))?.trim();
	return context ? [context, ownHost(cache)] : [ownHost(cache)];
}

async function installEngine(cache) {
	// From Debian 13 on the client is a package of its own.
	const split = await attempt("apt-cache", ["show", "docker-cli"]);
	const client = split?.includes("Package: docker-cli") ? ["docker-cli"] : [];
	await install(cache, ["docker.io", "iptables", "ca-certificates", ...client]);
}

/** Starts dockerd with all that it owns in the cache folder, and waits until it answers. */
async function startEngine(cache, docker) {
	const at = places(cache);
	if (at.folder.length > LONGEST_FOLDER)
		throw new SetupError({
			expected: `a cache folder whose path is short enough for sockets (${LONGEST_FOLDER - "/docker".length} characters)`,
			found: cache.folder,
			fix: "set CUTOVER_CACHE to a shorter path",
		});
	mkdirSync(at.exec, { recursive: true });
	await repair(cache);
	const log = openSync(at.log, "w");
	const args = ["--data-root", at.data, "--exec-root", at.exec];
	args.push("--pidfile", at.pidFile, "--host", ownHost(cache));
	// A host inside a tunnel or another container has a small MTU; packets of
	// containers that do not know it get lost.
	args.push("--mtu", String(hostMtu()));
	const daemon = spawn("dockerd", args, {
		detached: true,
		stdio: ["ignore", log, log],
	});
	let ended;
	daemon.on("error", (error) => {
		ended = error.message;
	});
	daemon.on("exit", (code, signal) => {
		ended = `dockerd ended with ${code ?? signal}`;
	});
	daemon.unref();
	const deadline = Date.now() + START_MS;
	while (ended === undefined && Date.now() < deadline) {
		const version = await docker.version();
		if (version) return version;
		await sleep(LOOK_MS);
	}
	const end = readFileSync(at.log, "utf8")
		.trimEnd()
		.split("\n")
		.filter((line) => !/level=(info|debug|warning)/.test(line))
		.slice(-5);
	throw new SetupError({
		expected: "Docker Engine to start",
		found: `${ended ?? `no answer after ${START_MS / 1000} s`}\n${end.join("\n")}`,
		fix: `see ${at.log}; dockerd needs root, iptables and cgroups`,
	});
}

/**
 * What a killed run leaves: a pid file of a process that is gone (or whose
 * number another one has now), the socket, a containerd without its dockerd.
 */
async function repair(cache) {
	const at = places(cache);
	const pid = daemonPid(cache);
	if (pid) await end(pid, HUNG_MS); // It lives but does not answer.
	for (const orphan of processes(
		(line) =>
			line.includes(`--config\0${at.exec}/`) ||
			line.includes(`--config\0${at.data}/`),
	))
		await end(orphan, HUNG_MS);
	for (const file of [
		at.pidFile,
		at.socket,
		`${at.exec}/containerd/containerd.pid`,
	])
		rmSync(file, { force: true });
}

/** Stops the daemon that set-up started, if it runs. @returns {Promise<boolean>} whether it did */
export async function stopEngine(cache) {
	const pid = daemonPid(cache);
	if (pid === undefined) return false;
	await end(pid, STOP_MS);
	const at = places(cache);
	for (const file of [at.pidFile, at.socket]) rmSync(file, { force: true });
	return true;
}

/** The address of set-up's own daemon. */
export function ownHost(cache) {
	return `unix://${places(cache).socket}`;
}

function daemonPid(cache) {
	const { data } = places(cache);
	return processes((line) => line.includes(`--data-root\0${data}\0`))[0];
}

/** Ids of the processes whose command line (arguments ended by NUL) fits. */
function processes(fits) {
	const found = [];
	for (const name of readdirSync("/proc").filter((each) =>
		/^\d+$/.test(each),
	)) {
		try {
			if (fits(readFileSync(`/proc/${name}/cmdline`, "utf8")))
				found.push(Number(name));
		} catch {
			// It ended while we looked.
		}
	}
	return found;
}

/** Asks a process to end and insists after a while. */
async function end(pid, patienceMs) {
	const deadline = Date.now() + patienceMs;
	const signal = (name) => {
		try {
			process.kill(pid, name);
			return true;
		} catch {
			return false;
		}
	};
	if (!signal("SIGTERM")) return;
	while (signal(0)) {
		if (Date.now() > deadline) signal("SIGKILL");
		await sleep(LOOK_MS);
	}
}

function hostMtu() {
	try {
		const routes = readFileSync("/proc/net/route", "utf8").split("\n").slice(1);
		const way = routes
			.map((row) => row.split("\t"))
			.find((row) => row[1] === "00000000");
		const mtu = readFileSync(`/sys/class/net/${way[0]}/mtu`, "utf8");
		return Math.min(1500, Number(mtu));
	} catch {
		return 1500; // No default route: nothing to get lost on.
	}
}
