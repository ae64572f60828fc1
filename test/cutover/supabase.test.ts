import assert from "node:assert/strict";
import { UserError } from "../../cutover/errors";
import {
	close,
	type Management,
	noteSettings,
	reopen,
} from "../../cutover/supabase";
import {
	type SupabaseManagement,
	startSupabaseManagement,
} from "../emulator/peers/supabase-management";

/** Against the stand-in of Supabase's Management API. */
describe("Supabase's services", () => {
	let supabase: SupabaseManagement;
	let project: Management;

	beforeEach(async () => {
		supabase = await startSupabaseManagement("127.0.0.1");
		project = {
			apiUrl: supabase.url,
			projectRef: supabase.projectRef,
			accessToken: supabase.accessToken,
		};
	});
	afterEach(() => supabase.close());

	it("are closed and get back what they were set to, whatever was repeated", async () => {
		const before = structuredClone(supabase.settings);
		const noted = await noteSettings(project);
		for (const _again of [1, 2]) {
			await close(project, "sign-ups");
			await close(project, "data-api");
		}
		assert.deepEqual(supabase.settings, {
			auth: { ...before.auth, disable_signup: true },
			postgrest: { ...before.postgrest, db_schema: "" },
		});
		for (const _again of [1, 2]) {
			await reopen(project, "sign-ups", noted);
			await reopen(project, "data-api", noted);
		}
		assert.deepEqual(supabase.settings, before);
	});

	it("stay closed where they were closed before", async () => {
		supabase.settings.auth.disable_signup = true;
		const noted = await noteSettings(project);
		await close(project, "sign-ups");
		await reopen(project, "sign-ups", noted);
		assert.equal(supabase.settings.auth.disable_signup, true);
	});

	it("are left as they are when the token is refused, which the message does not show", async () => {
		const before = structuredClone(supabase.settings);
		const wrong = { ...project, accessToken: "sbp_wrong" };
		await assert.rejects(
			close(wrong, "sign-ups"),
			(error: unknown) =>
				error instanceof UserError &&
				/401/.test(error.message) &&
				!error.message.includes("sbp_wrong"),
		);
		assert.deepEqual(supabase.settings, before);
	});
});
