import { type Noted, pointAndCatchUp } from "../../cutover/ttn";
import { type Place, Ttn, type TtnAccess } from "../../cutover/ttn-api";
import type { Held, Patience } from "../../cutover/ttn-uplinks";
import { migrateHere } from "../migration/cli";

export interface CatchUpProcess {
	access: TtnAccess;
	places: Place[];
	noted: Noted;
	patience: Patience;
	/** What the receiver holds is asked of this database. */
	held: { url: string; query: string };
}

/** The catch-up in a process of its own, which a test can kill. */
export async function catchUpHere(settings: CatchUpProcess) {
	const { access, places, noted, patience, held } = settings;
	const receiver = {
		async held(since: Date): Promise<Held> {
			const { json } = await migrateHere(
				["received", "--query", held.query, "--since", since.toISOString()],
				{ SOURCE_DATABASE_URL: held.url },
			);
			return json.received as Held;
		},
	};
	return pointAndCatchUp(new Ttn(access), places, noted, receiver, patience);
}

if (require.main === module) {
	catchUpHere(JSON.parse(process.argv[2] ?? "")).then(
		(report) => process.stdout.write(JSON.stringify(report)),
		(error: Error) => {
			process.stderr.write(`${error.stack}\n`);
			process.exitCode = 1;
		},
	);
}
