import { ident } from "../../sql";
import type { Obstacle } from "../items";
import { keyOf, plainName } from "../keys";
import { PLATFORM_EXTENSIONS } from "../left-out";
import {
	addDomainCheck,
	createComposite,
	createDomain,
	createEnum,
	createExtension,
	createRange,
	createSequence,
	isNotValid,
} from "../make/types";
import type { Offer } from "../offer";
import type { Domain, Extension, Name } from "../types";
import { type Context, constraintKey } from "./context";

/** Schemas and extensions, and the kinds that our own DDL does not write. */
export function addSchemas(context: Context): void {
	const { catalog, items, offer } = context;
	for (const name of catalog.schemas) {
		const key = keyOf("schema", name);
		items.add({
			key,
			title: key,
			schema: name,
			table: name,
			needs: [],
			create:
				name === "public" ? [] : [`CREATE SCHEMA IF NOT EXISTS ${ident(name)}`],
		});
	}
	for (const extension of catalog.extensions) {
		const key = keyOf("extension", extension.name);
		items.add({
			key,
			title: key,
			schema: extension.schema,
			table: extension.name,
			needs: context.needs(key),
			create: [createExtension(extension)],
			obstacle: extensionObstacle(extension, offer),
		});
	}
	for (const { kind, identity, statements } of catalog.others) {
		const key = `${kind} ${identity}`;
		const needs = context.needs(key);
		items.add({
			key,
			title: key,
			schema: "",
			table: identity,
			needs,
			create: statements ?? [],
			obstacle:
				statements === null
					? otherObstacle(kind, catalog.server.version)
					: undefined,
			silent: needs.some(isOfThePlatform),
		});
	}
}

/** Enums, ranges, composite types, domains and the sequences that no identity column has. */
export function addTypes(context: Context): void {
	const { catalog } = context;
	for (const type of catalog.enums)
		add(context, "type", type, createEnum(type));
	for (const type of catalog.ranges)
		add(context, "type", type, createRange(type));
	for (const type of catalog.composites)
		add(context, "type", type, createComposite(type));
	for (const domain of catalog.domains) addDomain(context, domain);
	for (const sequence of catalog.sequences)
		if (!sequence.identity)
			add(context, "sequence", sequence, createSequence(sequence));
}

function add(
	context: Context,
	kind: "type" | "sequence",
	{ schema, name }: Name,
	create: string,
): void {
	const key = keyOf(kind, schema, name);
	context.items.add({
		key,
		title: key,
		schema,
		table: name,
		needs: context.needs(key),
		create: [create],
	});
}

/** A check that calls a function may have to wait for it. */
function addDomain(context: Context, domain: Domain): void {
	const { schema, name } = domain;
	const own = keyOf("type", schema, name);
	const needsOf = (check: Domain["checks"][number]) =>
		context.needs(constraintKey({ schema, table: name, name: check.name }));
	const isInline = (check: Domain["checks"][number]) =>
		!isNotValid(check.definition) &&
		needsOf(check).every((need) => need === own);
	add(context, "type", domain, createDomain(domain, isInline));
	for (const check of domain.checks)
		context.items.add({
			key: constraintKey({ schema, table: name, name: check.name }),
			title: `constraint ${plainName(check.name)} of ${own}`,
			schema,
			table: name,
			needs: [own, ...needsOf(check)],
			create: isInline(check) ? [] : [addDomainCheck(domain, check)],
		});
}

function extensionObstacle(
	{ name, schema }: Extension,
	offer: Offer | undefined,
): Obstacle | undefined {
	const instead = PLATFORM_EXTENSIONS[name];
	if (instead)
		return { why: "is a part of Supabase's platform", todo: instead };
	if (!offer) return undefined;
	const there = offer.extensions[name];
	if (!there)
		return {
			why: "the target does not have it",
			todo: "have it installed there, or do without what needs it",
		};
	if (there.installed === null)
		return there.refused === null
			? undefined
			: {
					why: `the target refuses it: ${there.refused}`,
					todo: "have the provider create it, then run this again",
				};
	return there.installed === schema
		? undefined
		: {
				why: `the target has it in schema ${plainName(there.installed)}, the source in ${plainName(schema)}`,
				todo: `ALTER EXTENSION ${ident(name)} SET SCHEMA ${ident(schema)} there, then run this again`,
			};
}

/**
 * Kinds that pg_dump describes and that take no superuser to make, as operator
 * classes and families, text search parsers and templates do.
 */
const PG_DUMP_KNOWS =
	/^(aggregate|cast|collation|conversion|operator|text search configuration|text search dictionary)$/;

/** Whether pg_dump can tell how an object of this kind is made. */
export function isForPgDump(kind: string): boolean {
	return PG_DUMP_KNOWS.test(kind);
}

function otherObstacle(kind: string, version: number): Obstacle {
	if (isForPgDump(kind))
		return {
			why: `our own DDL writes no ${kind}`,
			todo: `put pg_dump of version ${Math.floor(version / 10000)} or later on PATH and run this again, or make it by hand`,
		};
	if (kind === "publication")
		return {
			why: "says what is replicated to others, who do not know the new database",
			todo: "let the backend tell its clients of changes; CREATE PUBLICATION where something else subscribes",
		};
	return {
		why: `a ${kind} takes a superuser or reaches other servers`,
		todo: "have it made by the provider, where the new system wants it",
	};
}

/** Supabase's own event triggers and the like call functions that it keeps there. */
function isOfThePlatform(need: string): boolean {
	return /^function (extensions|graphql|pgsodium|auth|storage|realtime)\./.test(
		need,
	);
}
