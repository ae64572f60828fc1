import type { Draw } from "./draw";

export type UnitType =
	| "fridge"
	| "freezer"
	| "display_case"
	| "walk_in_cooler"
	| "walk_in_freezer"
	| "blast_chiller";

export interface Organization {
	id: string;
	name: string;
	slug: string;
}
export interface Site {
	id: string;
	organization: Organization;
	name: string;
}
export interface Area {
	id: string;
	site: Site;
	name: string;
}
export interface Unit {
	id: string;
	index: number;
	area: Area;
	name: string;
	type: UnitType;
}
export interface Sensor {
	id: string;
	index: number;
	deviceId: string;
	devEui: string;
	unit: Unit;
}

export interface Places {
	organizations: Organization[];
	sites: Site[];
	areas: Area[];
	units: Unit[];
	/** One on each of the first units of every organization; the others are read by hand. */
	sensors: Sensor[];
}

const NAMES = [
	"Harbor Fish Market",
	"Bäckerei Müller & Söhne",
	"北海道フーズ",
	"O'Brien's \"Deli\"",
	"Żubr Catering",
	"Crème Brûlée Café",
	"Saffron & Co",
	"Northside Clinics",
];
const SITES = ["Downtown", "Airport"];
const AREAS = ["Kitchen", "Storage"];
const TYPES: UnitType[] = [
	"fridge",
	"freezer",
	"walk_in_cooler",
	"display_case",
	"walk_in_freezer",
	"blast_chiller",
];
const SENSORS_AN_ORGANIZATION = 5;

/** 8 organizations, 16 sites, 32 areas, 64 units, 40 sensors. */
export function invent(draw: Draw): Places {
	const organizations = NAMES.map((name, index) => ({
		id: draw.uuid("organization", index),
		name,
		slug: `org-${index + 1}`,
	}));
	const sites = organizations.flatMap((organization) =>
		SITES.map((name) => ({
			id: draw.uuid("site", organization.slug, name),
			organization,
			name,
		})),
	);
	const areas = sites.flatMap((site) =>
		AREAS.map((name) => ({ id: draw.uuid("area", site.id, name), site, name })),
	);
	const units = areas.flatMap((area, areaIndex) =>
		[0, 1].map((place): Unit => {
			const index = areaIndex * 2 + place;
			const type = TYPES[index % TYPES.length] ?? "fridge";
			return {
				id: draw.uuid("unit", index),
				index,
				area,
				name: `${area.name} ${type.replaceAll("_", " ")} ${place + 1}`,
				type,
			};
		}),
	);
	const sensors = organizations.flatMap((organization) =>
		units
			.filter((unit) => unit.area.site.organization === organization)
			.slice(0, SENSORS_AN_ORGANIZATION)
			.map(
				(unit): Sensor => ({
					id: draw.uuid("sensor", unit.index),
					index: unit.index,
					deviceId: draw.uuid("device", unit.index),
					devEui: `70B3D5${draw.hex(10, "dev-eui", unit.index)}`,
					unit,
				}),
			),
	);
	return { organizations, sites, areas, units, sensors };
}

/** Upper limit in °F. */
export function upperLimit(type: UnitType): number {
	return type.includes("freezer") || type === "blast_chiller" ? 10 : 41;
}
