import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

/** Secrets that an operator sets; marked so that a leak is found by its text. */
export const givenSecrets = {
	"cutover:stackAuthSecretServerKey": "PLAIN-stack-auth-key",
	"cutover:sourceDatabaseUrl":
		"postgresql://postgres:PLAIN-source@db.example:5432/postgres",
	"cutover:ttnApiKey": "PLAIN-ttn-key",
	"cutover:smtpUrl": "smtps://user:PLAIN-smtp@smtp.example",
	"cutover:supabaseAccessToken": "PLAIN-supabase-token",
};

/**
 * The committed configuration of a stack with the operator's secrets. No
 * signature is asked for, unless `changes` name a stack in cutover:verifiedOn.
 */
export function stackConfig(
	stack: string,
	changes: Record<string, unknown> = {},
): { config: Record<string, string>; secretKeys: string[] } {
	const file = join(__dirname, "../..", `Pulumi.${stack}.yaml`);
	const { config } = parse(readFileSync(file, "utf8")) as {
		config: Record<string, unknown>;
	};
	const open = { "cutover:verifiedOn": undefined };
	const values = { ...config, ...open, ...givenSecrets, ...changes };
	return {
		config: Object.fromEntries(
			Object.entries(values)
				.filter(([, value]) => value !== undefined)
				.map(([key, value]) => [
					key,
					typeof value === "string" ? value : JSON.stringify(value),
				]),
		),
		secretKeys: Object.keys(givenSecrets),
	};
}
