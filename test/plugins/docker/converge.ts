import { until } from "../base/poll";
import { engine } from "./client";
import type { Service, Task, TaskSpec } from "./swarm-types";

/** A service that did not become what it should, and why. */
export class DidNotConverge extends Error {}

/** Task states in the order in which a task passes through them. */
const STATES = [
	"new",
	"allocated",
	"pending",
	"assigned",
	"accepted",
	"preparing",
	"ready",
	"starting",
	"running",
	"complete",
	"shutdown",
	"failed",
	"rejected",
];

/** How many of the last failures go into an error message. */
const FAILURES_TOLD = 3;

interface Wait {
	seconds: number;
	signal: AbortSignal;
	/** Takes a line about the progress. */
	progress: (line: string) => void;
}

/**
 * Waits until every replica of a new service runs; with a health check that
 * means healthy, for a task is "starting" until then.
 *
 * @throws DidNotConverge with the errors of the last tasks when the time is over
 */
export async function created(id: string, wait: Wait): Promise<void> {
	await converged(id, wait, async () => {
		const service = await inspect(id);
		return (await allRun(service, wait.progress)) ? true : undefined;
	});
}

/**
 * Waits until an update is through.
 *
 * @param before the task template before the update: where it changed, the
 *   engine reports the update's state, which is all that counts then
 * @throws DidNotConverge where the engine rolled back or paused the update
 */
export async function updated(
	id: string,
	before: TaskSpec,
	wait: Wait,
): Promise<void> {
	await converged(id, wait, async () => {
		const service = await inspect(id);
		const state = service.UpdateStatus?.State;
		const message = service.UpdateStatus?.Message ?? "";
		switch (state) {
			case "completed":
				return true;
			case "rollback_completed":
				throw await failure(id, `service rollback completed: ${message}`);
			case "paused":
				throw await failure(id, `service update paused: ${message}`);
			case "rollback_paused":
				throw await failure(id, `service rollback paused: ${message}`);
		}
		const running = await allRun(service, wait.progress);
		const sameTasks =
			JSON.stringify(service.Spec.TaskTemplate) === JSON.stringify(before);
		const replicas = service.Spec.Mode?.Replicated?.Replicas ?? 0;
		return state === undefined && (sameTasks || replicas === 0) && running
			? true
			: undefined;
	});
}

async function converged(
	id: string,
	wait: Wait,
	ask: () => Promise<true | undefined>,
): Promise<void> {
	try {
		await until(ask, {
			what: () => "the service to converge",
			seconds: wait.seconds,
			signal: wait.signal,
		});
	} catch (error) {
		if (error instanceof Error && error.message.startsWith("timed out")) {
			throw await failure(
				id,
				`Service with ID (${id}) did not converge after ${wait.seconds}s`,
			);
		}
		throw error;
	}
}

function inspect(id: string): Promise<Service> {
	return engine().get<Service>(`/services/${id}`);
}

function tasks(id: string, desired?: string): Promise<Task[]> {
	const filters = JSON.stringify({
		service: [id],
		...(desired ? { "desired-state": [desired] } : {}),
	});
	return engine().get<Task[]>(`/tasks?filters=${encodeURIComponent(filters)}`);
}

/** Whether as many replicas run as there should be. */
async function allRun(
	service: Service,
	progress: (line: string) => void,
): Promise<boolean> {
	const replicas = service.Spec.Mode?.Replicated?.Replicas;
	if (replicas === undefined) {
		throw new Error("no replica count");
	}
	const [all, nodes] = await Promise.all([
		tasks(service.ID, "running"),
		engine().get<{ ID: string; Status: { State: string } }[]>("/nodes"),
	]);
	const active = new Set(
		nodes.filter(({ Status }) => Status.State !== "down").map(({ ID }) => ID),
	);
	const slots = new Map<number, Task>();
	for (const task of all) {
		if (task.NodeID && !active.has(task.NodeID)) {
			continue;
		}
		const slot = task.Slot ?? 0;
		const other = slots.get(slot);
		// While a new task of a slot starts first, the old one still runs: the
		// slot is as far as the one that is less far.
		if (other === undefined || rank(task) < rank(other)) {
			slots.set(slot, task);
		}
	}
	const running = [...slots.values()].filter(
		({ Status }) => Status.State === "running",
	).length;
	progress(`${running} of ${replicas} tasks run`);
	return running === replicas;
}

function rank(task: Task): number {
	return STATES.indexOf(task.Status.State);
}

/** The error, with what the last failed tasks said. */
async function failure(id: string, what: string): Promise<DidNotConverge> {
	const errors = (await tasks(id))
		.filter(({ Status }) => Status.Err)
		.sort((a, b) => (a.CreatedAt < b.CreatedAt ? 1 : -1))
		.slice(0, FAILURES_TOLD)
		.map(({ ID, Status }) => `task ${ID} ${Status.State}: ${Status.Err}`);
	return new DidNotConverge(
		errors.length > 0
			? `${what}\n\nLast task errors:\n${errors.join("\n")}`
			: what,
	);
}
