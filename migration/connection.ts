import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";
import pg from "pg";
import { MigrationError } from "./errors";

/** One of the two databases, as the operator named it. */
export interface DatabaseAddress {
	/** What messages call it: `source` or `target`. */
	readonly label: string;
	/** postgres://user:password@host:port/database?sslmode=… */
	readonly url: string;
	/** PEM of the authority that signed the server's certificate. */
	readonly ca?: string | undefined;
}

/** A database that does not let us in, for whatever reason. */
export class LoginError extends MigrationError {}

/** Supabase's transaction pooler: no session state, no snapshot, no COPY in peace. */
const TRANSACTION_POOLER_PORT = 6543;

/**
 * What every session sets before anything else. Text output must not depend on
 * the server's configuration, as it is digested on both sides; an empty search
 * path makes the catalog print qualified names; row_security off turns a policy
 * that would hide rows into an error; Supabase's own timeouts would end a copy.
 */
const SESSION_SETTINGS = `
	SET client_encoding = 'UTF8';
	SET search_path = pg_catalog;
	SET DateStyle = 'ISO, YMD';
	SET IntervalStyle = 'postgres';
	SET TimeZone = 'UTC';
	SET extra_float_digits = 1;
	SET bytea_output = 'hex';
	SET lc_monetary = 'C';
	SET row_security = off;
	SET statement_timeout = 0;
	SET lock_timeout = 0;
	SET idle_in_transaction_session_timeout = 0;
`;

/**
 * Opens a session. With `readOnly` the server itself refuses every write, which
 * is what makes `--dry-run` more than a promise.
 */
export async function connect(
	address: DatabaseAddress,
	options: { readOnly: boolean },
): Promise<pg.Client> {
	const client = new pg.Client(clientConfig(address));
	// A connection lost between two queries is reported by the next query.
	client.on("error", () => {});
	try {
		await client.connect();
	} catch (error) {
		throw new LoginError(
			{
				expected: `to log in to the ${address.label} at ${maskUrl(address.url)}`,
				found: `${(error as Error).message || (error as NodeJS.ErrnoException).code}`,
				fix: "check address, port, user, password, sslmode and that this machine may reach the database",
			},
			1,
		);
	}
	await client.query(
		options.readOnly
			? `${SESSION_SETTINGS} SET default_transaction_read_only = on`
			: SESSION_SETTINGS,
	);
	return client;
}

/** Runs `work` with an open session and closes it, whatever happens. */
export async function withConnection<T>(
	address: DatabaseAddress,
	options: { readOnly: boolean },
	work: (client: pg.Client) => Promise<T>,
): Promise<T> {
	const client = await connect(address, options);
	try {
		return await work(client);
	} finally {
		await client.end().catch(() => {});
	}
}

/** The address without its password, for messages. */
export function maskUrl(url: string): string {
	if (!URL.canParse(url)) return "(not a URL)";
	const parsed = new URL(url);
	if (parsed.password) parsed.password = "***";
	if (parsed.searchParams.has("password"))
		parsed.searchParams.set("password", "***");
	return parsed.toString();
}

/**
 * Reads a connection URL the way libpq does. `pg` of today takes
 * `sslmode=require` for full verification, which no server with its own
 * authority passes; here the modes mean what PostgreSQL documents
 * (https://www.postgresql.org/docs/current/libpq-ssl.html, table 32.1).
 */
export function clientConfig(address: DatabaseAddress): pg.ClientConfig {
	const { label, url } = address;
	if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol))
		throw new MigrationError({
			expected: `the ${label} as postgres://user:password@host:port/database`,
			found: url === "" ? "nothing" : maskUrl(url),
			fix: `give --${label} or ${label.toUpperCase()}_DATABASE_URL`,
		});
	const parsed = new URL(url);
	const host =
		parsed.searchParams.get("host") ??
		parsed.hostname.replace(/^\[(.*)\]$/, "$1");
	const port = Number(parsed.searchParams.get("port") ?? (parsed.port || 5432));
	if (port === TRANSACTION_POOLER_PORT)
		throw new MigrationError({
			expected: `a direct or session connection to the ${label}`,
			found: `port ${port}, the transaction pooler, which keeps neither a session nor a snapshot`,
			fix: "use the direct connection (port 5432) or the session pooler",
		});
	return {
		host,
		port,
		user: decodeURIComponent(parsed.username),
		password: decodeURIComponent(parsed.password),
		database: decodeURIComponent(parsed.pathname.slice(1)) || "postgres",
		ssl: tls(address, parsed, host),
		application_name: "cutover-migration",
		connectionTimeoutMillis: 30_000,
		keepAlive: true,
		// Else a dead network shows after two hours.
		keepAliveInitialDelayMillis: 10_000,
	};
}

function tls(
	address: DatabaseAddress,
	parsed: URL,
	host: string,
): ConnectionOptions | false {
	const mode =
		parsed.searchParams.get("sslmode") ??
		(isLocal(host) ? "disable" : "require");
	const rootCert = parsed.searchParams.get("sslrootcert");
	const ca =
		address.ca ?? (rootCert ? readFileSync(rootCert, "utf8") : undefined);
	// A server name is sent and checked for names only: RFC 6066 has none for addresses.
	const servername = isIP(host) === 0 ? { servername: host } : {};
	switch (mode) {
		case "disable":
			return false;
		case "allow":
		case "prefer":
		case "require":
			// As in libpq: with an authority at hand `require` is `verify-ca`.
			return ca === undefined
				? { rejectUnauthorized: false, ...servername }
				: { ca, checkServerIdentity: () => undefined, ...servername };
		case "verify-ca":
			return { ca, checkServerIdentity: () => undefined, ...servername };
		case "verify-full":
			return { ca, ...servername };
		default:
			throw new MigrationError({
				expected:
					"sslmode to be disable, prefer, require, verify-ca or verify-full",
				found: `${mode} for the ${address.label}`,
				fix: "correct the connection URL",
			});
	}
}

function isLocal(host: string): boolean {
	return (
		host.startsWith("/") ||
		host === "localhost" ||
		host === "::1" ||
		host.startsWith("127.")
	);
}

/**
 * SQLSTATEs of a server that goes away or is not up yet
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html): class 08,
 * admin_shutdown, crash_shutdown, cannot_connect_now.
 */
const LOST_STATES = /^(08...|57P0[123])$/;

/** Whether an error says that the session is gone, not that a statement was wrong. */
export function isConnectionLost(error: unknown): boolean {
	const { code, message } = error as { code?: string; message?: string };
	if (code !== undefined)
		return (
			LOST_STATES.test(code) || /^E(CONN|PIPE|HOST|NET|TIMEDOUT)/.test(code)
		);
	// pg gives no code where a socket ended between or within queries.
	return /^(Connection terminated|Client has encountered a connection error|Client was closed)/.test(
		message ?? "",
	);
}
