import { z } from "zod";

const seconds = (fallback: number, least = 1, most = 3600) =>
	z.coerce.number().int().min(least).max(most).default(fallback);

const httpUrl = z.url({
	protocol: /^https?$/,
	error: "an http or https URL, for instance https://api.stack-auth.com",
});

const settingsSchema = z.object({
	DATABASE_URL: z.url({
		protocol: /^postgres(ql)?$/,
		error:
			"a postgres URL, for instance postgresql://user:password@host:25060/db?sslmode=verify-full&sslrootcert=/run/secrets/database-ca",
	}),
	/**
	 * Connections each replica may hold. The real backend takes 20; the smallest
	 * managed database serves 22, and during a start-first update two replicas
	 * become four: 4 × 5 fit with two to spare, 2 × 20 do not.
	 */
	DATABASE_POOL_SIZE: z.coerce.number().int().min(1).max(100).default(5),
	STACK_AUTH_API_URL: httpUrl,
	STACK_AUTH_PROJECT_ID: z.string().min(1, "the project's id"),
	STACK_AUTH_PUBLISHABLE_CLIENT_KEY: z.string().min(1, "pck_…"),
	STACK_AUTH_SECRET_SERVER_KEY: z.string().min(1, "ssk_…"),
	/**
	 * Origin of the front page: the only one whose pages may call, and where the
	 * links in reset mails lead. Without it no page may, and no such mail is sent.
	 */
	SITE_ORIGIN: httpUrl.transform((url) => new URL(url).origin).optional(),
	VERSION: z.string().min(1).default("unknown"),
	ENVIRONMENT: z.string().min(1).default("development"),
	PORT: z.coerce.number().int().min(0).max(65535).default(3000),
	LOG_LEVEL: z
		.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"])
		.default("info"),
	SENSOR_CLEANUP_INTERVAL_SECONDS: seconds(60),
	/** How long the start waits for the database before it gives up. */
	STARTUP_TIMEOUT_SECONDS: seconds(60),
	/** How long a stopping replica still accepts requests, see shutdown.ts. */
	SHUTDOWN_DRAIN_SECONDS: seconds(5, 0, 60),
});

const databaseOnlySchema = settingsSchema.pick({ DATABASE_URL: true });

/** Everything that the serving backend takes from its environment. */
export type Settings = z.output<typeof settingsSchema>;

/** The environment does not hold what the backend needs: names every variable, shows no value. */
export class SettingsError extends Error {
	override readonly name = "SettingsError";
}

/**
 * Reads the settings of a serving replica.
 * @throws SettingsError with one line for each variable that is missing or wrong
 */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
	return parse(settingsSchema, environment);
}

/** Reads the one variable that `migrate` needs. @throws SettingsError */
export function readDatabaseUrl(environment: NodeJS.ProcessEnv): string {
	return parse(databaseOnlySchema, environment).DATABASE_URL;
}

function parse<Schema extends z.ZodType>(
	schema: Schema,
	environment: NodeJS.ProcessEnv,
): z.output<Schema> {
	const result = schema.safeParse(environment);
	if (result.success) {
		return result.data;
	}
	const lines = result.error.issues.map((issue) => {
		const name = String(issue.path[0]);
		const found = environment[name] === undefined ? "not set" : "not usable";
		return `  ${name}: ${found}; expected ${issue.message}`;
	});
	throw new SettingsError(
		`the environment is not complete:\n${lines.join("\n")}`,
	);
}
