import { z } from "zod";

/** Field names under which payload decoders give a temperature, most usual first. */
const TEMPERATURE_FIELDS = [
	"temperature",
	"temp",
	"Temperature",
	"temperature_c",
	"TempC_SHT",
	"TempC_DS",
];

/** °C, and more than any sensor of a cold room can mean. */
const TEMPERATURE_MAX = 500;

const instant = z.iso.datetime({ offset: true });

/** Checks the body of an uplink; what is not used here passes unchecked. */
export const uplinkSchema = z.object({
	end_device_ids: z.object({
		device_id: z.string().optional(),
		dev_eui: z.string().regex(/^[0-9A-Fa-f]{16}$/, "16 hexadecimal digits"),
	}),
	received_at: instant.optional(),
	uplink_message: z.object({
		frm_payload: z.string().optional(),
		received_at: instant.optional(),
		decoded_payload: z.record(z.string(), z.unknown()).optional(),
		rx_metadata: z.array(z.object({ rssi: z.number().optional() })).optional(),
	}),
});

/** An uplink as The Things Stack v3 posts it to a webhook, the parts used here. */
export type Uplink = z.output<typeof uplinkSchema>;

/** What a sensor measured, ready to be stored. */
export interface Measurement {
	devEui: string;
	/** °C. */
	temperature: number | undefined;
	humidity: number | undefined;
	/** Per cent. */
	battery: number | undefined;
	/** dBm, of the gateway that heard it best. */
	signalStrength: number | undefined;
	/** As the sensor sent it, base64. */
	rawPayload: string | undefined;
	/** Absent when the sender gives no time: then the database's. */
	recordedAt: string | undefined;
}

/** Picks what is stored out of an uplink; fields that are not finite numbers in range count as absent. */
export function measurementOf(uplink: Uplink): Measurement {
	const message = uplink.uplink_message;
	const payload = message.decoded_payload ?? {};
	const signals = (message.rx_metadata ?? []).flatMap(({ rssi }) => rssi ?? []);
	// Decoders give volts or per cent under one name; no cell has above 5 V.
	const battery = numberOf(payload, ["battery_level", "battery"], 5, 100);
	return {
		devEui: uplink.end_device_ids.dev_eui.toUpperCase(),
		temperature: numberOf(
			payload,
			TEMPERATURE_FIELDS,
			-TEMPERATURE_MAX,
			TEMPERATURE_MAX,
		),
		humidity: numberOf(payload, ["humidity", "Hum_SHT"], 0, 100),
		battery: battery === undefined ? undefined : Math.round(battery),
		signalStrength:
			signals.length === 0 ? undefined : Math.round(Math.max(...signals)),
		rawPayload: message.frm_payload,
		recordedAt: message.received_at ?? uplink.received_at,
	};
}

function numberOf(
	payload: Record<string, unknown>,
	fields: string[],
	least: number,
	most: number,
): number | undefined {
	for (const field of fields) {
		const value = payload[field];
		if (typeof value === "number" && value >= least && value <= most) {
			return value;
		}
	}
	return undefined;
}
