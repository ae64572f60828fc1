/**
 * A temperature for people, with one decimal; a dash where there is no value.
 * @param {number | null} degrees
 * @param {"F" | "C"} unit
 */
export function temperature(degrees, unit) {
	return degrees === null ? "–" : `${degrees.toFixed(1)} °${unit}`;
}
