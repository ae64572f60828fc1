import { expect } from "../../cutover/check";
import { moveClock } from "../../cutover/clock";
import { http } from "../../cutover/http";
import { ask } from "./new-system";
import type { Rehearsal } from "./rehearsal";

/** What people and sensors left in the new system, by ids. */
export interface Used {
	/** New rows. */
	readings: string[];
	/** Changed rows. */
	alerts: string[];
	/** Deleted rows. */
	doorEvents: string[];
	/** New users, as Stack Auth calls them. */
	users: string[];
}

/** Ten minutes of use, with the clock moved instead of waited for. */
export async function useNewSystem(rehearsal: Rehearsal): Promise<string> {
	const users = await Promise.all(
		Array.from({ length: 5 }, (_, number) => signUp(rehearsal, number)),
	);
	const text = await ask(rehearsal.site("production"), changes(users));
	const rows = text.split("\n").map((line) => line.split(" "));
	const of = (kind: string) =>
		rows.flatMap(([name, id = ""]) => (name === kind ? [id] : []));
	const used = {
		readings: of("reading"),
		alerts: of("alert"),
		doorEvents: of("door"),
		users,
	};
	rehearsal.used = used;
	moveClock(600);
	return `${inWords(used)}; clock moved by 10 min`;
}

/** All of it is in the old system after a return, and who logged in there still can. */
export async function isInOldSystem(rehearsal: Rehearsal): Promise<string> {
	const { used, oldSystem, logins } = rehearsal;
	if (!used) throw new Error("the new system was not used");
	await oldSystem.holds(used);
	await oldSystem.takesLogIn(logins.carried);
	return `${inWords(used)}; old log-ins work`;
}

function inWords({ readings, alerts, doorEvents, users }: Used): string {
	return `${readings.length} new rows, ${alerts.length} changed, ${doorEvents.length} deleted, ${users.length} new users`;
}

async function signUp(rehearsal: Rehearsal, number: number): Promise<string> {
	const { environment } = rehearsal;
	const answer = await http(`${environment.STACK_AUTH_API_URL}/api/v1/users`, {
		headers: {
			"x-stack-access-type": "server",
			"x-stack-project-id": environment.STACK_AUTH_PROJECT_ID ?? "",
			"x-stack-secret-server-key":
				environment.STACK_AUTH_SECRET_SERVER_KEY ?? "",
		},
		json: {
			primary_email: `new.user.${number}@example.com`,
			primary_email_verified: true,
			primary_email_auth_enabled: true,
			password: `after the switch ${number}`,
			display_name: `New User ${number}`,
		},
	});
	expect(answer.status < 300, `a sign-up was answered ${answer.status}`);
	return (JSON.parse(answer.body) as { id: string }).id;
}

/** One statement: it answers a line "kind id" for each row. */
function changes(users: string[]): string {
	const list = users.map((id, n) => `('${id}'::uuid, ${n})`).join(", ");
	const organization = "(SELECT id FROM organizations ORDER BY slug LIMIT 1)";
	return `
		WITH device AS (
			SELECT id, unit_id FROM devices WHERE unit_id IS NOT NULL ORDER BY id LIMIT 10
		), reading AS (
			INSERT INTO sensor_readings (unit_id, device_id, temperature, recorded_at, source)
			SELECT unit_id, id, 38.25, date_trunc('milliseconds', now()) - n * interval '1 second', 'ttn'
			FROM device, generate_series(1, 100) AS n RETURNING id
		), alert AS (
			UPDATE alerts SET escalation_level = 4, updated_at = now()
			WHERE id IN (SELECT id FROM alerts ORDER BY id LIMIT 200) RETURNING id
		), door AS (
			DELETE FROM door_events
			WHERE id IN (SELECT id FROM door_events ORDER BY id LIMIT 50) RETURNING id
		), person AS (
			INSERT INTO profiles (user_id, organization_id, email, full_name)
			SELECT id, ${organization}, 'new.user.' || n || '@example.com', 'New User ' || n
			FROM (VALUES ${list}) AS u (id, n) RETURNING user_id
		), role AS (
			INSERT INTO user_roles (user_id, organization_id, role)
			SELECT user_id, ${organization}, 'staff' FROM person
		)
		SELECT 'reading ' || id FROM reading UNION ALL SELECT 'alert ' || id FROM alert
		UNION ALL SELECT 'door ' || id FROM door`;
}
