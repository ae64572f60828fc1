import { until } from "../base/poll";
import type { Operation } from "../base/resource";
import { typed } from "../base/typed";
import { engine } from "./client";
import { created, updated } from "./converge";
import { nanoseconds, parseDuration } from "./durations";
import { type Args, serviceSpec } from "./service-spec";
import { isComplete, serviceState } from "./service-state";
import type { Service, Task } from "./swarm-types";

type State = ReturnType<typeof serviceState> &
	Pick<Args, "auth" | "convergeConfig">;

/** Longest wait for a new service to tell all of itself, by the official provider. */
const READ_SECONDS = 30;
const DEFAULT_CONVERGE = "3m";

/** The header by which the engine logs in to a private registry. */
function registryAuth({ auth }: Pick<Args, "auth">): Record<string, string> {
	const login = auth?.username
		? {
				username: auth.username,
				password: auth.password,
				serveraddress: auth.serverAddress,
			}
		: {};
	const json = JSON.stringify(login);
	return { "x-registry-auth": Buffer.from(json).toString("base64url") };
}

/** What the program said and the engine does not know. */
function kept(args: Pick<Args, "auth" | "convergeConfig">) {
	return { auth: args.auth, convergeConfig: args.convergeConfig };
}

async function read(id: string, signal: AbortSignal): Promise<Service> {
	return until(
		async () => {
			const service = await engine().get<Service>(`/services/${id}`);
			return isComplete(service) ? service : undefined;
		},
		{
			what: () => `service ${id} to expose all fields`,
			seconds: READ_SECONDS,
			signal,
		},
	);
}

function waitOptions(args: Args, operation: Operation) {
	const timeout = args.convergeConfig?.timeout ?? DEFAULT_CONVERGE;
	return {
		seconds: nanoseconds(timeout) / 1e9,
		signal: operation.signal,
		progress: (line: string) => operation.engine.status(operation.urn, line),
	};
}

/** Durations must be ones; a global service has no replicas to wait for. */
function check(args: Args) {
	const durations: [string, unknown][] = [
		[
			"taskSpec.containerSpec.stopGracePeriod",
			args.taskSpec?.containerSpec?.stopGracePeriod,
		],
		["convergeConfig.timeout", args.convergeConfig?.timeout],
		["convergeConfig.delay", args.convergeConfig?.delay],
		["updateConfig.monitor", args.updateConfig?.monitor],
		["updateConfig.delay", args.updateConfig?.delay],
		["taskSpec.restartPolicy.delay", args.taskSpec?.restartPolicy?.delay],
	];
	const failures = durations
		.filter(
			([, value]) =>
				typeof value === "string" && parseDuration(value) === undefined,
		)
		.map(([property, value]) => ({
			property,
			reason: `'${value}' is not a valid duration`,
		}));
	if (args.mode?.global === true && args.convergeConfig !== undefined) {
		failures.push({
			property: "convergeConfig",
			reason: '"converge_config": conflicts with mode.0.global',
		});
	}
	return failures;
}

/**
 * Waits for the containers of a removed service to stop, as long as they may.
 *
 * @param running the containers, listed before the service was removed
 */
async function stopped(
	running: string[],
	seconds: number,
	signal: AbortSignal,
): Promise<void> {
	for (const container of running) {
		await until(
			async () => {
				const found = await engine().find<{ State: { Running: boolean } }>(
					`/containers/${container}/json`,
				);
				return found?.State.Running ? undefined : true;
			},
			{ what: () => `container ${container} to exit`, seconds, signal },
		);
	}
}

/** Containers of a service's tasks that have not been shut down. */
async function containersOf(id: string): Promise<string[]> {
	const filters = encodeURIComponent(JSON.stringify({ service: [id] }));
	const tasks = await engine().get<Task[]>(`/tasks?filters=${filters}`);
	return tasks
		.filter(({ Status }) => Status.State !== "shutdown")
		.map(({ Status }) => Status.ContainerStatus?.ContainerID ?? "")
		.filter((container) => container !== "");
}

async function remove(
	id: string,
	gracePeriod: string | undefined,
	signal: AbortSignal,
): Promise<void> {
	const seconds = nanoseconds(gracePeriod) / 1e9;
	const running = seconds > 0 ? await containersOf(id) : [];
	try {
		await engine().delete(`/services/${id}`);
	} catch (error) {
		throw new Error(
			`Error deleting service with ID '${id}': ${error instanceof Error ? error.message : error}`,
		);
	}
	await stopped(running, seconds, signal);
}

/** `docker:index/service:Service` */
export const service = typed<Args, State>({
	sets: [
		"labels",
		"taskSpec.containerSpec.labels",
		"taskSpec.containerSpec.mounts",
		"taskSpec.containerSpec.hosts",
		"taskSpec.containerSpec.secrets",
		"taskSpec.containerSpec.configs",
		"taskSpec.placement.constraints",
		"taskSpec.placement.prefs",
		"taskSpec.placement.platforms",
		"taskSpec.networksAdvanceds",
		"taskSpec.networksAdvanceds.aliases",
		"taskSpec.networksAdvanceds.driverOpts",
	],
	writeOnly: ["auth", "convergeConfig"],
	// "0" and "0.0" are one ratio.
	same: (path, before, after) =>
		path.endsWith(".maxFailureRatio") && Number(before) === Number(after),
	check,
	async create(args, operation) {
		const { ID: id } = await engine().post<{ ID: string }>(
			"/services/create",
			serviceSpec(args),
			registryAuth(args),
		);
		if (args.convergeConfig) {
			try {
				await created(id, waitOptions(args, operation));
			} catch (error) {
				// The official provider leaves no half-made service behind.
				const grace = args.taskSpec.containerSpec.stopGracePeriod;
				await remove(id, grace, operation.signal);
				throw error;
			}
		}
		const found = await read(id, operation.signal);
		return { id, outputs: { ...serviceState(found), ...kept(args) } };
	},
	async read(id, state) {
		const found = await engine().find<Service>(`/services/${id}`);
		return (
			found && {
				id: found.ID,
				outputs: { ...serviceState(found), ...kept(state) },
			}
		);
	},
	async update(id, _olds, news, operation) {
		const before = await engine().get<Service>(`/services/${id}`);
		await engine().post(
			`/services/${id}/update?version=${before.Version.Index}`,
			serviceSpec(news),
			registryAuth(news),
		);
		if (news.convergeConfig) {
			await updated(id, before.Spec.TaskTemplate, waitOptions(news, operation));
		}
		const found = await read(id, operation.signal);
		return { ...serviceState(found), ...kept(news) };
	},
	async delete(id, state, { signal }) {
		await remove(id, state.taskSpec.containerSpec.stopGracePeriod, signal);
	},
});
