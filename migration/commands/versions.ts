import type { Catalog } from "../catalog/types";
import { MigrationError } from "../errors";

/** hash_record_extended, which the digests are made of, came with PostgreSQL 14. */
const OLDEST_VERSION = 140000;

/** Refuses servers that are too old for the digests. */
export function refuseOld(catalogs: readonly Pick<Catalog, "server">[]): void {
	for (const { server } of catalogs)
		if (server.version < OLDEST_VERSION)
			throw new MigrationError({
				expected: "PostgreSQL 14 or later on both sides",
				found: server.versionText,
				fix: "upgrade that database first",
			});
}

/** What a probe tells of a database. */
export function summary({
	server,
	tables,
}: Pick<Catalog, "server" | "tables">) {
	return {
		version: server.versionText,
		encoding: server.encoding,
		role: server.role,
		tables: tables.length,
	};
}
