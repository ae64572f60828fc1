import assert from "node:assert/strict";
import { createSchema, finishSchema } from "../../migration/catalog/ddl";
import { readOffer } from "../../migration/catalog/offer";
import { readCatalog } from "../../migration/catalog/read";
import { readSchemas } from "../../migration/catalog/schemas";
import type { Catalog } from "../../migration/catalog/types";
import { connect } from "../../migration/connection";
import { type Database, emptyDatabase, run } from "./databases";
import { schemaFingerprint } from "./schema-fingerprint";
import { SCHEMA_HAZARDS } from "./schema-hazards";

const read = async ({ url }: Database): Promise<Catalog> => {
	const client = await connect({ label: "source", url }, { readOnly: true });
	try {
		return await readCatalog(client, await readSchemas(client));
	} finally {
		await client.end();
	}
};

/** Makes the whole schema of a catalog in a database, as a plain role. */
const make = async (catalog: Catalog, { url }: Database): Promise<void> => {
	const client = await connect({ label: "target", url }, { readOnly: false });
	try {
		const offer = await readOffer(client, catalog);
		await client.query(createSchema(catalog, offer));
		await client.query(finishSchema(catalog, offer));
	} finally {
		await client.end();
	}
};

describe("a schema made anew", () => {
	let source: Database;
	let target: Database;

	before(async () => {
		source = await emptyDatabase(15);
		target = await emptyDatabase(17);
		for (const { superuserUrl } of [source, target])
			await run(superuserUrl, "CREATE EXTENSION moddatetime");
		await run(source.url, SCHEMA_HAZARDS);
		await make(await read(source), target);
	});

	it("is what the server said it was, from PostgreSQL 15 to 17", async () => {
		const options = { sameVersion: false };
		assert.deepEqual(
			await schemaFingerprint(target.url, options),
			await schemaFingerprint(source.url, options),
		);
	});

	it("is the same again, views to the letter, from 17 to 17", async () => {
		const again = await emptyDatabase(17);
		await run(again.superuserUrl, "CREATE EXTENSION moddatetime");
		await make(await read(target), again);
		const options = { sameVersion: true };
		assert.deepEqual(
			await schemaFingerprint(again.url, options),
			await schemaFingerprint(target.url, options),
		);
	});
});
