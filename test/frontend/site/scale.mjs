/**
 * Round values that divide a range, for instance 36, 38, 40 for 35.2 to 40.9.
 * @param {number} least
 * @param {number} most greater than `least`
 * @param {number} about how many are wanted
 */
export function ticks(least, most, about = 5) {
	const rough = (most - least) / about;
	const magnitude = 10 ** Math.floor(Math.log10(rough));
	const step =
		[1, 2, 5, 10].map((digit) => digit * magnitude).find((s) => s >= rough) ??
		10 * magnitude;
	const values = [];
	for (let n = Math.ceil(least / step); n * step <= most + step / 1e6; n += 1) {
		values.push(Number((n * step).toPrecision(12)));
	}
	return values;
}

/** Maps `[from, to]` onto `[start, end]`, linearly; all of it to the middle if `from` is `to`. */
export function linear(from, to, start, end) {
	return (value) =>
		from === to
			? (start + end) / 2
			: start + ((value - from) / (to - from)) * (end - start);
}

/**
 * SVG path through the points, broken where a value is missing.
 * @param {{x: number, y: number | null}[]} points
 */
export function linePath(points) {
	let path = "";
	let pen = "M";
	for (const { x, y } of points) {
		if (y === null) {
			pen = "M";
			continue;
		}
		path += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
		pen = "L";
	}
	return path;
}

/** Index of the point nearest to `x`; the points are sorted by x and not empty. */
export function nearest(points, x) {
	let low = 0;
	let high = points.length - 1;
	while (high - low > 1) {
		const middle = (low + high) >> 1;
		if (points[middle].x < x) {
			low = middle;
		} else {
			high = middle;
		}
	}
	return Math.abs(points[low].x - x) <= Math.abs(points[high].x - x)
		? low
		: high;
}
