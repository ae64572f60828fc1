/**
 * How an organization sees temperatures. The API gives °F.
 * @param {"imperial" | "metric" | null} preference
 */
export function temperatureScale(preference) {
	const metric = preference === "metric";
	const unit = metric ? "°C" : "°F";
	const convert = (fahrenheit) =>
		metric ? (fahrenheit - 32) / 1.8 : fahrenheit;
	return {
		unit,
		convert,
		/** For people, with one decimal; a dash where there is no value. */
		format: (fahrenheit) =>
			fahrenheit === null ? "–" : `${convert(fahrenheit).toFixed(1)} ${unit}`,
	};
}
