/** Units in which temperatures of a unit of the product are kept. */
export type TempUnit = "F" | "C";

/** A sensor's °C in the unit that is asked for, to the hundredths that readings hold. */
export function fromCelsius(celsius: number, unit: TempUnit): number {
	const degrees = unit === "F" ? celsius * 1.8 + 32 : celsius;
	return Math.round(degrees * 100) / 100;
}

/** Whole tenths of a degree: how units and alerts hold a temperature. */
export function toTenths(degrees: number): number {
	return Math.round(degrees * 10);
}
