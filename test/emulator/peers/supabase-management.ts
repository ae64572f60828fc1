import { randomBytes } from "node:crypto";
import { z } from "zod";
import { type Call, type Reply, serveJson } from "./http";

/** What the project's services are set to. */
export interface SupabaseSettings {
	auth: { disable_signup: boolean; site_url: string };
	postgrest: {
		db_schema: string;
		db_extra_search_path: string;
		max_rows: number;
	};
}

export interface SupabaseManagement {
	url: string;
	projectRef: string;
	accessToken: string;
	settings: SupabaseSettings;
	close(): Promise<void>;
}

const changes = {
	auth: z.strictObject({ disable_signup: z.boolean().optional() }),
	postgrest: z.strictObject({ db_schema: z.string().optional() }),
};

/**
 * Stand-in for Supabase's Management API, two services' settings of one project
 * (https://supabase.com/docs/reference/api/introduction). Nothing acts on what is
 * set: that sign-ups are refused then is Supabase's word.
 */
export async function startSupabaseManagement(
	address: string,
): Promise<SupabaseManagement> {
	const projectRef = "emulatedprojectaaaaa";
	const accessToken = `sbp_${randomBytes(20).toString("hex")}`;
	const settings: SupabaseSettings = {
		auth: { disable_signup: false, site_url: "https://freshtrackpro.com" },
		postgrest: {
			db_schema: "public,graphql_public",
			db_extra_search_path: "public,extensions",
			max_rows: 1000,
		},
	};
	const services: Record<string, keyof SupabaseSettings> = {
		[`/v1/projects/${projectRef}/config/auth`]: "auth",
		[`/v1/projects/${projectRef}/postgrest`]: "postgrest",
	};
	const handle = ({ method, url, headers, body }: Call): Reply => {
		if (headers.authorization !== `Bearer ${accessToken}`)
			return { status: 401, body: { message: "Unauthorized" } };
		const service = services[url.pathname];
		if (!service) return { status: 404, body: { message: "Not Found" } };
		if (method === "PATCH") {
			const parsed = changes[service].safeParse(body);
			if (!parsed.success)
				return {
					status: 400,
					body: { message: z.prettifyError(parsed.error) },
				};
			Object.assign(settings[service], parsed.data);
		} else if (method !== "GET") {
			return { status: 405, body: { message: "Method Not Allowed" } };
		}
		return { status: 200, body: settings[service] };
	};
	const { url, close } = await serveJson(address, handle);
	return { url, projectRef, accessToken, settings, close };
}
