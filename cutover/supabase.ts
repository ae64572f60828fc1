import { z } from "zod";
import { UserError } from "./errors";
import { http } from "./http";
import { main } from "./main";
import { settingsFromStdin } from "./stdin";

/*
 * What closes the parts of Supabase that no trigger of ours reaches, by its Management API:
 * https://supabase.com/docs/reference/api/v1-update-auth-service-config (disable_signup) and
 * https://supabase.com/docs/reference/api/v1-update-postgrest-service-config (db_schema;
 * the dashboard and Supabase's own command line, pkg/config/api.go, switch the data API off
 * by an empty one).
 */

const management = z.strictObject({
	/** For instance https://api.supabase.com. */
	apiUrl: z.string(),
	projectRef: z.string(),
	accessToken: z.string(),
});

export type Management = z.infer<typeof management>;

/** How the project was before we touched it; `note` prints it, so that the state keeps it. */
const former = z.object({ disable_signup: z.boolean(), db_schema: z.string() });

export type Former = z.infer<typeof former>;

/** Each part's path in the project, its setting, and the value that closes it. */
const parts = {
	"sign-ups": {
		path: "config/auth",
		setting: "disable_signup",
		closed: true,
	},
	"data-api": { path: "postgrest", setting: "db_schema", closed: "" },
} as const;

export type Part = keyof typeof parts;

/** How both parts are set now. */
export async function noteSettings(project: Management): Promise<Former> {
	const [auth, data] = await Promise.all([
		call(project, "GET", "sign-ups"),
		call(project, "GET", "data-api"),
	]);
	return former.parse({ ...auth, ...data });
}

/** Closes a part. Can be repeated. */
export async function close(project: Management, part: Part): Promise<void> {
	await set(project, part, parts[part].closed);
}

/** Gives a part back what it was set to. Can be repeated. */
export async function reopen(
	project: Management,
	part: Part,
	before: Former,
): Promise<void> {
	await set(project, part, before[parts[part].setting]);
}

async function set(
	project: Management,
	part: Part,
	value: boolean | string,
): Promise<void> {
	const { setting } = parts[part];
	await call(project, "PATCH", part, { [setting]: value });
	// The change's own answer is not the same for all parts, so it is asked for.
	const is = (await call(project, "GET", part))[setting];
	if (is !== value) {
		throw new UserError({
			expected: `Supabase to set ${setting} to ${JSON.stringify(value)}`,
			found: JSON.stringify(is),
			fix: "set it in the project's dashboard, then run pulumi up again",
		});
	}
}

async function call(
	{ apiUrl, projectRef, accessToken }: Management,
	method: "GET" | "PATCH",
	part: Part,
	json?: unknown,
): Promise<Record<string, unknown>> {
	const { path } = parts[part];
	const answer = await http(`${apiUrl}/v1/projects/${projectRef}/${path}`, {
		method,
		headers: { authorization: `Bearer ${accessToken}` },
		json,
		timeoutMs: 30_000,
	});
	if (answer.status !== 200) {
		// No body: an answer may hold keys of the project's mail or log-in providers.
		throw new UserError({
			expected: `Supabase to answer ${method} ${path}`,
			found: `status ${answer.status}`,
			fix: "check cutover:supabase and cutover:supabaseAccessToken, whose owner needs the right to change the project's settings",
		});
	}
	return z.record(z.string(), z.unknown()).parse(JSON.parse(answer.body));
}

const closing = z.strictObject({
	...management.shape,
	former: z.string().transform((text) => former.parse(JSON.parse(text))),
});

if (require.main === module) {
	main(async () => {
		const [command, part] = process.argv.slice(2) as [string, Part];
		if (command === "note") {
			const project = await settingsFromStdin(management);
			process.stdout.write(JSON.stringify(await noteSettings(project)));
			return;
		}
		const { former: before, ...project } = await settingsFromStdin(closing);
		if (command === "close") await close(project, part);
		else await reopen(project, part, before);
	});
}
