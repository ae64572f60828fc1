import { CommandError } from "./errors.mjs";
import { attempt, run } from "./exec.mjs";

/** The docker command, bound to one engine. */
export class Docker {
	/** @param {string} host as in DOCKER_HOST, for instance unix:///var/run/docker.sock */
	constructor(host) {
		this.host = host;
		this.env = { ...process.env, DOCKER_HOST: host };
		// A context chosen by environment would win over the host.
		delete this.env.DOCKER_CONTEXT;
	}

	/** Runs `docker ARGS`. @returns {Promise<string>} */
	run(args, options = {}) {
		return run("docker", args, { ...options, env: this.env });
	}

	/** As `run`, undefined in place of a failure. */
	attempt(args, options = {}) {
		return attempt("docker", args, { ...options, env: this.env });
	}

	/**
	 * The engine's version, undefined when none answers within 5 s; `problem`
	 * then says why.
	 */
	async version() {
		const args = ["version", "--format", "{{.Server.Version}}"];
		try {
			return (await this.run(args, { timeoutMs: 5000 })).trim();
		} catch (error) {
			if (!(error instanceof CommandError)) throw error;
			this.problem = error.message.split("\n").at(-1);
			return undefined;
		}
	}

	/**
	 * An image that the engine has; `pulled` says that it came from a registry
	 * under this very name.
	 * @param {string} name
	 * @returns {Promise<{id: string, labels: Record<string, string>, pulled: boolean} | undefined>}
	 */
	async image(name) {
		const answer = await this.attempt(["image", "inspect", name]);
		if (answer === undefined) return undefined;
		const [image] = JSON.parse(answer);
		const repository = name.slice(0, name.lastIndexOf(":"));
		return {
			id: image.Id,
			labels: image.Config?.Labels ?? {},
			pulled: (image.RepoDigests ?? []).some((digest) =>
				digest.startsWith(`${repository}@`),
			),
		};
	}

	/** Names or ids of what carries a label. @param {string[]} list for instance ["ps", "-aq"] */
	async labelled(list, label) {
		const answer = await this.attempt([...list, "--filter", `label=${label}`]);
		return (answer ?? "").split("\n").filter(Boolean);
	}
}
