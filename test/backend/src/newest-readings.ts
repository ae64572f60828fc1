import type pg from "pg";

/** Series at most, however many organizations sign up. */
const MOST = 500;

/** Who has been silent for longer has left, or never began: no news. */
const HEARD_WITHIN_DAYS = 7;

/** A scrape waits so long for the database; without an answer it goes without. */
const PATIENCE_MS = 2_000;

/** An organization's newest reading. */
export interface NewestReading {
	/** The organization's slug. */
	organization: string;
	/** Unix time in seconds. */
	at: number;
}

/**
 * When each organization's sensors were last heard, by what the units carry: no
 * look at the readings themselves. Of more than MOST, those that have
 * been silent longest, for they are what it is asked for.
 */
export async function newestReadings(pool: pg.Pool): Promise<NewestReading[]> {
	const { rows } = await pool.query<NewestReading>(
		`SELECT organizations.slug AS organization,
			extract(epoch FROM max(units.last_reading_at))::float8 AS at
		FROM organizations
		JOIN sites ON sites.organization_id = organizations.id AND sites.is_active
		JOIN areas ON areas.site_id = sites.id AND areas.is_active
		JOIN units ON units.area_id = areas.id AND units.is_active
		WHERE organizations.deleted_at IS NULL
		GROUP BY organizations.slug
		HAVING max(units.last_reading_at) > now() - make_interval(days => $1)
		ORDER BY at LIMIT $2`,
		[HEARD_WITHIN_DAYS, MOST],
	);
	return rows;
}

/** The same within a scrape's patience; nothing where the database does not answer. */
export async function newestReadingsInTime(
	pool: pg.Pool,
): Promise<NewestReading[]> {
	let timer: NodeJS.Timeout | undefined;
	const tooLate = new Promise<NewestReading[]>((resolve) => {
		timer = setTimeout(resolve, PATIENCE_MS, []);
	});
	try {
		return await Promise.race([newestReadings(pool), tooLate]);
	} catch {
		// The health tells of a database that fails; the other metrics go on.
		return [];
	} finally {
		clearTimeout(timer);
	}
}
