import { readFileSync } from "node:fs";
import { join } from "node:path";

const DATA = join(
	__dirname,
	"..",
	"..",
	"..",
	"node_modules",
	"vega-datasets",
	"data",
);

/**
 * Hourly air temperatures in °C of one year in Seattle: NOAA's normals, means of
 * measurements of 1981–2010, as published in vega-datasets.
 */
export function hourlyTemperatures(): number[] {
	return column("seattle-weather-hourly-normals.csv", "temperature");
}

/** Daily highs in °C of 2012–2015 in Seattle and New York: NOAA's observations, from the same package. */
export function dailyHighs(): number[] {
	return column("weather.csv", "temp_max");
}

function column(file: string, name: string): number[] {
	const [header = "", ...lines] = readFileSync(join(DATA, file), "utf8")
		.trim()
		.split("\n");
	const index = header.split(",").indexOf(name);
	return lines.map((line) => {
		const value = Number(line.split(",")[index]);
		if (!Number.isFinite(value))
			throw new Error(`${file}: no number in column ${name}: ${line}`);
		return value;
	});
}
