import { expect } from "../../cutover/check";
import type { Site } from "../../cutover/checks/site";
import { shellQuote } from "../../cutover/shell";
import { remote } from "../../cutover/ssh";
import { waitFor } from "../../cutover/wait";
import type { Rehearsal } from "./rehearsal";

/** The old system takes an uplink while it serves; the follower, which Prometheus sees, brings the reading. */
export async function uplinkIsBrought(
	rehearsal: Rehearsal,
	stack = "production",
): Promise<string> {
	const site = rehearsal.site(stack);
	const { status, body } = await rehearsal.control.sendUplink(3.5);
	expect(status === 200, `an uplink was answered ${status} ${body}`);
	const { readingId: id } = JSON.parse(body) as { readingId: string };
	const count = `SELECT count(*) FROM sensor_readings WHERE id = '${id}'`;
	await waitFor(
		`reading ${id} in the new database`,
		async () => (await ask(site, count)) === "1" || undefined,
		{ timeoutMs: 60_000, intervalMs: 500 },
	);
	const lag = await waitFor(
		"the follower's lag in Prometheus",
		async () => (await site.query("cutover_sync_lag_seconds"))[0],
		{ timeoutMs: 60_000, intervalMs: 1_000 },
	);
	return `reading ${id} was brought over, lag ${lag.toFixed(1)} s`;
}

/** No foreign key of the new database is left whose rows nobody has looked at. */
export async function keysValidated(site: Site): Promise<string> {
	const [unvalidated, all] = (
		await ask(
			site,
			"SELECT count(*) FILTER (WHERE NOT convalidated) || ' ' || count(*) FROM pg_constraint WHERE contype = 'f'",
		)
	)
		.split(" ")
		.map(Number);
	expect(
		all && unvalidated === 0,
		`${unvalidated} of ${all} foreign keys are not validated`,
	);
	return `${all} foreign keys`;
}

/** Asks the new database from the Droplet, because it admits nobody else. */
export async function ask({ outputs }: Site, sql: string): Promise<string> {
	const { ssh, database } = outputs;
	const { hostname, port, pathname, username, password } = new URL(
		database.url,
	);
	const input = [
		...[hostname, port, pathname.slice(1), username],
		...[decodeURIComponent(password), database.ca],
	].join("\n");
	const answer = await remote(ssh, `${psql} ${shellQuote(sql)}`, { input });
	return answer.trim();
}

/** Standard input: a line for each of libpq's variables, then the authority's PEM. */
const psql = [
	"set -e; umask 077; folder=$(mktemp -d); trap 'rm -rf \"$folder\"' EXIT",
	'for name in PGHOST PGPORT PGDATABASE PGUSER PGPASSWORD; do IFS= read -r value; export "$name=$value"; done',
	'cat >"$folder/ca.crt"',
	'PGSSLMODE=verify-full PGSSLROOTCERT="$folder/ca.crt" psql -AtX -v ON_ERROR_STOP=1 -c',
].join("\n");
