import assert from "node:assert/strict";
import {
	createSchema,
	finishSchema,
	leftOut,
} from "../../migration/catalog/ddl";
import type { LeftOut } from "../../migration/catalog/left-out";
import { readOffer } from "../../migration/catalog/offer";
import { describeOthers } from "../../migration/catalog/pg-dump";
import { readCatalog } from "../../migration/catalog/read";
import { readSchemas } from "../../migration/catalog/schemas";
import type { Catalog } from "../../migration/catalog/types";
import { connect } from "../../migration/connection";
import { completeSource } from "../freshtrack/full";
import { migrateHere } from "./cli";
import {
	type Database,
	emptyDatabase,
	emptySource,
	run,
	using,
} from "./databases";
import { everyRow } from "./every-row";
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

/** Makes the whole schema of a catalog in a database, as a plain role; gives what is left out. */
const make = async (
	catalog: Catalog,
	{ url }: Database,
): Promise<LeftOut[]> => {
	const client = await connect({ label: "target", url }, { readOnly: false });
	try {
		const offer = await readOffer(client, catalog);
		await client.query(createSchema(catalog, offer));
		await client.query(finishSchema(catalog, offer));
		return leftOut(catalog, offer);
	} finally {
		await client.end();
	}
};

const names = (left: readonly LeftOut[]) => left.map(({ object }) => object);

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

describe("a copy of a schema of every kind", () => {
	it("holds every row, in every table and partition, and the whole schema", async () => {
		const source = await emptyDatabase(15);
		const target = await emptyDatabase(17);
		for (const { superuserUrl } of [source, target])
			await run(superuserUrl, "CREATE EXTENSION moddatetime");
		await run(
			source.url,
			`${SCHEMA_HAZARDS}; REFRESH MATERIALIZED VIEW stored; REFRESH MATERIALIZED VIEW again;`,
		);
		const { exitCode, json } = await migrateHere(["copy", "--proof"], {
			SOURCE_DATABASE_URL: source.url,
			TARGET_DATABASE_URL: target.url,
		});
		assert.equal(exitCode, 0, JSON.stringify(json.differences));
		const expected = await everyRow(source.url);
		assert.ok(Object.values(expected).flat().length > 220);
		assert.deepEqual(await everyRow(target.url), expected);
		const options = { sameVersion: false };
		assert.deepEqual(
			await schemaFingerprint(target.url, options),
			await schemaFingerprint(source.url, options),
		);
	});
});

describe("objects that our own DDL does not write", () => {
	const OTHERS = `
		CREATE SCHEMA own;
		CREATE FUNCTION own.plus(integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2';
		CREATE AGGREGATE own."Sum; of all"(integer) (SFUNC = own.plus, STYPE = integer, INITCOND = '0');
		CREATE OPERATOR own.@+ (LEFTARG = integer, RIGHTARG = integer, FUNCTION = own.plus);
		CREATE COLLATION own.posix (locale = 'POSIX');
		CREATE TEXT SEARCH CONFIGURATION own.words (COPY = simple);
		CREATE TYPE own.boxed AS (x integer);
		CREATE FUNCTION own.unboxed(own.boxed) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT ($1).x';
		CREATE CAST (own.boxed AS integer) WITH FUNCTION own.unboxed(own.boxed);
		CREATE TABLE own.t (
			a text COLLATE own.posix,
			n integer CHECK (n OPERATOR(own.@+) 1 > 0),
			words tsvector GENERATED ALWAYS AS (to_tsvector('own.words', a)) STORED
		);
		CREATE VIEW own.sums AS SELECT own."Sum; of all"(n) FROM own.t;
		COMMENT ON AGGREGATE own."Sum; of all"(integer) IS 'sums; all';
	`;
	let source: Database;
	before(async () => {
		source = await emptyDatabase(15);
		await run(source.url, OTHERS);
	});

	it("are described by pg_dump, each in its place", async () => {
		const { catalog, means } = await describeOthers(await read(source), {
			label: "source",
			url: source.url,
		});
		// What a machine without the tool does stands below.
		if (/no pg_dump on PATH|is older than the source/.test(means)) return;
		assert.match(means, /^own DDL, and pg_dump [\d.]+ for 5 objects/);
		const target = await emptyDatabase(17);
		const left = await make(catalog, target);
		assert.deepEqual(names(left), []);
		const options = { sameVersion: false };
		assert.deepEqual(
			await schemaFingerprint(target.url, options),
			await schemaFingerprint(source.url, options),
		);
	});

	it("are left out where there is no pg_dump, with all that needs them", async () => {
		const path = process.env.PATH;
		process.env.PATH = "/nowhere";
		try {
			const { catalog, means } = await describeOthers(await read(source), {
				label: "source",
				url: source.url,
			});
			assert.match(means, /no pg_dump on PATH/);
			await assert.rejects(
				make(catalog, await emptyDatabase(17)),
				/table own\.t: needs collation own\.posix, which stays behind/,
			);
		} finally {
			process.env.PATH = path;
		}
	});
});

describe("what of a schema cannot come along", () => {
	it("is, of a product on Supabase, named with what to do", async () => {
		const source = await emptySource();
		await using(source.superuserUrl, completeSource);
		await run(
			source.superuserUrl,
			`
			SET ROLE postgres;
			ALTER TABLE public.sites ADD made_by uuid DEFAULT auth.uid();
			CREATE VIEW public.people AS SELECT id, email FROM auth.users;
			CREATE VIEW public.people_count AS SELECT count(*) FROM public.people;
			CREATE FUNCTION public.quiet() RETURNS integer LANGUAGE sql AS $$ SELECT 1 /* auth.uid() */ $$;
			REVOKE EXECUTE ON FUNCTION public.quiet() FROM PUBLIC;
			CREATE FUNCTION public.by_way() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN PERFORM public.belongs_to(NEW.organization_id); RETURN NEW; END $$;
			CREATE TRIGGER by_way BEFORE INSERT ON public.sites FOR EACH ROW EXECUTE FUNCTION public.by_way();
			CREATE PUBLICATION supabase_realtime FOR TABLE public.sites;
			RESET ROLE;
			DO $$ BEGIN
				EXECUTE format('ALTER DATABASE %I SET "app.settings.jwt_secret" = %L', current_database(), 'a secret');
			END $$;
			`,
		);
		const target = await emptyDatabase(17);
		const catalog = await read(source);
		const left = await make(catalog, target);
		const found = names(left);
		for (const object of [
			"default of public.sites.made_by",
			"view public.people",
			"view public.people_count",
			"foreign key profiles_user_id_fkey of public.profiles (user_id)",
			"trigger make_profile on auth.users",
			"trigger announce_user on public.profiles",
			"trigger by_way on public.sites",
			"function public.belongs_to(uuid)",
			"row security of public.profiles",
			"restriction of function public.quiet()",
			"grants to anon",
			"setting app.settings.jwt_secret of the database",
			"scheduled job process-sensor-cleanup",
			"publication supabase_realtime",
		])
			assert.ok(found.includes(object), `${object} in ${found.join("\n")}`);
		assert.ok(!found.includes("function public.quiet()"));
		assert.ok(left.every(({ why, todo }) => why !== "" && todo !== ""));
		assert.doesNotMatch(JSON.stringify({ left, catalog }), /a secret/);
		assert.match(
			left.find(({ object }) => object === "row security of public.profiles")
				?.statement ?? "",
			/CREATE POLICY own_profile ON public\.profiles FOR SELECT TO authenticated USING \(\(user_id = auth\.uid\(\)\)\)/,
		);
		// The rest is there and works: a write fires only what can run.
		await run(
			target.url,
			"INSERT INTO organizations (name, slug) VALUES ('new', 'new')",
		);
	});

	it("is what needs an extension that the target refuses; a table blocks", async () => {
		const source = await emptyDatabase(15);
		await run(source.superuserUrl, "CREATE EXTENSION moddatetime");
		await run(
			source.url,
			`
			CREATE TABLE plain (at timestamptz);
			CREATE TRIGGER touched BEFORE UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION moddatetime(at);
			`,
		);
		const target = await emptyDatabase(17);
		const left = await make(await read(source), target);
		assert.deepEqual(names(left), [
			"extension moddatetime",
			"trigger touched on public.plain",
		]);
		assert.match(left[1]?.why ?? "", /permission denied to create extension/);
		await run(source.superuserUrl, "CREATE EXTENSION earthdistance CASCADE");
		await run(source.url, "CREATE TABLE place (at earth)");
		await assert.rejects(
			make(await read(source), await emptyDatabase(17)),
			/table public\.place: needs extension earthdistance, which stays behind/,
		);
	});

	it("is what needs itself, but nothing beside it", async () => {
		const source = await emptyDatabase(15);
		await run(
			source.url,
			`
			CREATE TABLE t (id integer PRIMARY KEY);
			CREATE VIEW round AS SELECT id FROM t;
			CREATE FUNCTION round_of(round) RETURNS integer LANGUAGE sql STABLE AS $$ SELECT $1.id $$;
			CREATE OR REPLACE VIEW round AS SELECT id, round_of(NULL::round) AS again FROM t;
			CREATE VIEW beside AS SELECT id FROM t;
			`,
		);
		const target = await emptyDatabase(17);
		const left = await make(await read(source), target);
		assert.deepEqual(names(left), [
			"function public.round_of(public.round)",
			"view public.round",
		]);
		await run(target.url, "SELECT id FROM beside");
	});

	it("is nothing that an extension or the migration made", async () => {
		const source = await emptyDatabase(15);
		await run(
			source.url,
			"CREATE EXTENSION hstore; CREATE EXTENSION pg_trgm; CREATE TABLE t (h hstore DEFAULT 'a=>1' PRIMARY KEY)",
		);
		await migrateHere(["freeze"], { SOURCE_DATABASE_URL: source.url });
		const target = await emptyDatabase(17);
		assert.deepEqual(await make(await read(source), target), []);
		assert.deepEqual(
			await run(target.url, "INSERT INTO t DEFAULT VALUES RETURNING h::text"),
			[{ h: '"a"=>"1"' }],
		);
	});
});

describe("the schemas that are the application's own", () => {
	it("are all but the server's, an extension's and Supabase's, unless named", async () => {
		const source = await emptySource();
		await run(
			source.url,
			'CREATE SCHEMA "Own"; CREATE SCHEMA cutover; CREATE SCHEMA _realtime;',
		);
		await using(source.url, async (client) => {
			assert.deepEqual(await readSchemas(client), ["Own", "public"]);
			assert.deepEqual(await readSchemas(client, ["storage", "none"]), [
				"Own",
				"public",
				"storage",
			]);
		});
	});
});
