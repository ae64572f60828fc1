import { until } from "../base/poll";
import { api } from "./client";

/** Longest wait for an action, by the official provider. */
const ACTION_SECONDS = 3_600;

export interface Action {
	id: number;
	status: string;
	completed_at: string | null;
}

/**
 * Waits until an action is over.
 *
 * @param path where its state is: `/v2/actions/ID`, `/v2/reserved_ips/IP/actions/ID`
 * @throws Error when it failed
 */
export async function actionCompleted(
	path: string,
	signal: AbortSignal,
): Promise<void> {
	await until(
		async () => {
			const answer = await api().find<{ action: Action }>(path);
			if (answer?.action.status === "errored") {
				throw new Error(
					"unexpected state 'errored', wanted target 'completed'. last error: %!s(<nil>)",
				);
			}
			return answer?.action.status === "completed" ? true : undefined;
		},
		{
			what: () => "state to become 'completed'",
			seconds: ACTION_SECONDS,
			signal,
		},
	);
}

/** Waits until nothing is going on with a Droplet, which refuses actions till then. */
export async function dropletIdle(
	dropletId: number,
	signal: AbortSignal,
): Promise<void> {
	const pending = new Set(["new", "in-progress"]);
	await until(
		async () => {
			const { actions } = await api().get<{ actions: Action[] }>(
				`/v2/droplets/${dropletId}/actions?per_page=50`,
			);
			return actions.some(({ status }) => pending.has(status))
				? undefined
				: true;
		},
		{
			what: () => `pending events of droplet ${dropletId}`,
			seconds: ACTION_SECONDS,
			signal,
		},
	);
}
