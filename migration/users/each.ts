/**
 * Runs `work` over a stream of items, `width` at a time. After a failure no
 * further item is begun; those under way end first.
 */
export async function eachConcurrently<T>(
	items: AsyncGenerator<T>,
	width: number,
	work: (item: T) => Promise<void>,
): Promise<void> {
	let failed = false;
	const results = await Promise.allSettled(
		Array.from({ length: width }, async () => {
			try {
				for (
					let next = await items.next();
					!next.done && !failed;
					next = await items.next()
				)
					await work(next.value);
			} catch (error) {
				failed = true;
				throw error;
			}
		}),
	);
	await items.return(undefined);
	for (const result of results)
		if (result.status === "rejected") throw result.reason;
}
