import assert from "node:assert/strict";
import { readDatabaseUrl, readSettings, SettingsError } from "./src/settings";
import { environment } from "./support";

const DATABASE_URL = "postgresql://user:hunter2@db.example:25060/main";

function complaint(variables: Record<string, string | undefined>): string {
	try {
		readSettings(variables);
	} catch (error) {
		assert(error instanceof SettingsError);
		return error.message;
	}
	assert.fail("the settings were taken");
}

describe("settings of the backend", () => {
	it("takes a complete environment and fills in the rest", () => {
		const settings = readSettings(
			environment(DATABASE_URL, { SITE_ORIGIN: "https://site.example/path" }),
		);
		assert.equal(settings.PORT, 3000);
		assert.equal(settings.DATABASE_POOL_SIZE, 5);
		assert.equal(settings.SITE_ORIGIN, "https://site.example");
	});

	it("names every variable that is missing or wrong, and shows no value", () => {
		const message = complaint({
			...environment("mysql://user:hunter2@db/main"),
			STACK_AUTH_PROJECT_ID: undefined,
			DATABASE_POOL_SIZE: "many",
		});
		assert.match(message, /DATABASE_URL: not usable; expected a postgres URL/);
		assert.match(message, /STACK_AUTH_PROJECT_ID: not set/);
		assert.match(message, /DATABASE_POOL_SIZE: not usable/);
		assert.doesNotMatch(message, /hunter2|many/);
	});

	it("asks migrate for the database only", () => {
		assert.equal(readDatabaseUrl({ DATABASE_URL }), DATABASE_URL);
		assert.throws(() => readDatabaseUrl({}), /DATABASE_URL: not set/);
	});
});
