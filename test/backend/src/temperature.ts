/**
 * Gives a temperature in °F, to hundredths: the unit of stored readings and
 * limits. Sensors report in the unit of their catalog entry, mostly °C.
 */
export function toStored(temperature: number, unit: string): number {
	const fahrenheit = unit === "F" ? temperature : temperature * 1.8 + 32;
	return Math.round(fahrenheit * 100) / 100;
}
