import { readFile } from "node:fs/promises";
import { z } from "zod";

const source = z.enum(["official", "built", "stand-in"]);

const setUpParts = z.record(
	z.string(),
	z.object({ source: z.string(), version: z.string().optional() }),
);

export type Provenance = Record<string, z.infer<typeof source>>;

/** Parts that a rehearsal always plays with a stand-in of the project's own. */
const alwaysStandIns = [
	"DigitalOcean API",
	"DigitalOcean DNS",
	"Droplets (containers)",
	"managed Postgres (container)",
	"Supabase (Postgres with its roles)",
	"Stack Auth",
	"The Things Network",
	"Supabase's Management API",
	"mailbox",
	"old site",
	"backend and frontend (reference)",
	"status page",
];

/** Where each part came from: what set-up noted, and what is always played. */
export async function provenance(): Promise<Provenance> {
	const file = process.env.CUTOVER_PROVENANCE;
	const noted = file
		? setUpParts.parse(JSON.parse(await readFile(file, "utf8")))
		: {};
	return {
		...Object.fromEntries(
			Object.entries(noted).map(([part, { source: from }]) => [
				part,
				// What the machine had already came from its vendor.
				from === "found" ? "official" : source.parse(from),
			]),
		),
		...Object.fromEntries(alwaysStandIns.map((part) => [part, "stand-in"])),
	};
}
