/** A piece of work that runs on one lane, once what it waits for is done. */
export interface Task<Lane> {
	/** For progress and messages. */
	readonly name: string;
	/** Among the tasks that could run, the one of the highest rank goes first. */
	readonly rank: number;
	readonly after: readonly Task<Lane>[];
	readonly run: (lane: Lane) => Promise<void>;
}

/**
 * Runs all tasks over the given lanes, each lane one at a time. After a failure no
 * further task is begun; those under way end first, then the first failure is
 * thrown. Tasks that wait for each other in a circle are a programming error.
 */
export async function runTasks<Lane>(
	tasks: readonly Task<Lane>[],
	lanes: readonly Lane[],
): Promise<void> {
	const pending = [...tasks].sort((a, b) => b.rank - a.rank);
	const done = new Set<Task<Lane>>();
	let running = 0;
	let failure: { readonly error: unknown } | undefined;
	let wake: () => void = () => {};
	let change = new Promise<void>((resolve) => {
		wake = resolve;
	});
	const changed = () => {
		wake();
		change = new Promise((resolve) => {
			wake = resolve;
		});
	};
	const takeReady = (): Task<Lane> | undefined => {
		const at = pending.findIndex(({ after }) =>
			after.every((task) => done.has(task)),
		);
		return at < 0 ? undefined : pending.splice(at, 1)[0];
	};
	await Promise.all(
		lanes.map(async (lane) => {
			while (pending.length > 0 && !failure) {
				const task = takeReady();
				if (!task) {
					if (running === 0)
						throw new Error(
							`tasks wait for each other: ${pending.map(({ name }) => name).join(", ")}`,
						);
					await change;
					continue;
				}
				running++;
				try {
					await task.run(lane);
					done.add(task);
				} catch (error) {
					failure ??= { error };
				} finally {
					running--;
					changed();
				}
			}
		}),
	);
	if (failure) throw failure.error;
}
