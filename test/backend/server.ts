import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createBackend } from "./src/app";
import { openPool, waitForSchema } from "./src/database";
import { migrate, SchemaChangedError } from "./src/migrate";
import { readDatabaseUrl, readSettings, SettingsError } from "./src/settings";

const USAGE = `usage: node server.js [serve]   serves on PORT (3000)
       node server.js migrate   creates the schema, then ends`;

async function main([command = "serve", ...rest]: string[]): Promise<void> {
	if (rest.length > 0 || !["serve", "migrate"].includes(command)) {
		throw new SettingsError(USAGE);
	}
	await (command === "migrate" ? runMigrate() : serve());
}

async function runMigrate(): Promise<void> {
	const applied = await migrate(
		readDatabaseUrl(process.env),
		join(__dirname, "sql"),
	);
	console.log(
		JSON.stringify({ level: "info", msg: "schema is up to date", applied }),
	);
}

async function serve(): Promise<void> {
	const settings = readSettings(process.env);
	const pool = openPool(
		settings.DATABASE_URL,
		settings.DATABASE_POOL_SIZE,
		(error) => app.log.warn({ err: error }, "an idle connection was lost"),
	);
	const { app, beginStop } = await createBackend(settings, pool);
	const starting = new AbortController();

	const stop = async (signal: string) => {
		app.log.info({ signal }, "stopping");
		starting.abort();
		beginStop();
		if (app.server.listening) {
			// Proxies find out that this replica leaves only by their next look at
			// its health or its name; until then they send, and are answered.
			await delay(settings.SHUTDOWN_DRAIN_SECONDS * 1000);
		}
		await app.close();
		await pool.end();
		app.log.info("stopped");
	};
	for (const signal of ["SIGTERM", "SIGINT"] as const) {
		process.once(signal, () => {
			stop(signal).catch((error) => {
				app.log.fatal({ err: error }, "could not stop in order");
				process.exit(1);
			});
		});
	}

	try {
		await waitForSchema(
			pool,
			settings.STARTUP_TIMEOUT_SECONDS * 1000,
			starting.signal,
			(error) => app.log.warn({ err: error }, "waiting for the database"),
		);
	} catch (error) {
		if (starting.signal.aborted) {
			return;
		}
		throw error;
	}
	await app.listen({ host: "0.0.0.0", port: settings.PORT });
}

main(process.argv.slice(2)).catch((error) => {
	// A mistake in the environment is a person's to mend: no stack trace, no JSON.
	const known =
		error instanceof SettingsError || error instanceof SchemaChangedError;
	console.error(
		known
			? error.message
			: JSON.stringify({
					level: "fatal",
					msg: String(error),
					stack: error?.stack,
				}),
	);
	process.exit(known ? 2 : 1);
});
