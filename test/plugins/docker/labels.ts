export interface Label {
	label: string;
	value: string;
}

/** Labels as the engine has them, out of the list that the program gives. */
export function labelMap(
	labels: readonly Label[] | undefined,
): Record<string, string> {
	return Object.fromEntries(
		(labels ?? []).map(({ label, value }) => [label, value]),
	);
}

/** The list again; undefined where there are none. */
export function labelList(
	labels: Record<string, string> | null | undefined,
): Label[] | undefined {
	const list = Object.entries(labels ?? {}).map(([label, value]) => ({
		label,
		value,
	}));
	return list.length > 0 ? list : undefined;
}
