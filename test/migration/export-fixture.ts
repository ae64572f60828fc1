import { type ChildProcess, spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

export const SMALL_TABLES = 6;
/** Rows of the large table. */
export const LARGE_ROWS = 50_000;
/** As long as names may be, and longer in a file's name. */
const LONG_NAME = "ö".repeat(31);

/** One table of 35 MB, which is divided in two, and some small ones of odd kinds. */
export const DATA = `
	CREATE TABLE large (id integer PRIMARY KEY, body text, number numeric);
	INSERT INTO large SELECT n, repeat(md5(n::text), 20), n / 7.0 FROM generate_series(1, ${LARGE_ROWS}) n;
	CREATE INDEX ON large (number);
	ALTER TABLE large ADD FOREIGN KEY (id) REFERENCES large;
	CREATE TABLE divided (id integer, at date NOT NULL) PARTITION BY RANGE (at);
	CREATE TABLE divided_1 PARTITION OF divided FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
	CREATE TABLE divided_2 PARTITION OF divided FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
	INSERT INTO divided SELECT n, '2026-01-01'::date + n % 59 FROM generate_series(1, 1000) n;
	CREATE TABLE "${LONG_NAME}" (id integer);
	INSERT INTO "${LONG_NAME}" SELECT generate_series(1, 10);
	CREATE TABLE empty (id integer);
	DO $$ BEGIN FOR n IN 1..${SMALL_TABLES} LOOP
		EXECUTE format('CREATE TABLE small_%s AS SELECT x AS id, x::text AS t FROM generate_series(1, 100) x', n);
	END LOOP; END $$;
`;
/** Of large two, of divided one a partition, and one of each other. */
export const FILES = 2 + 2 + 2 + SMALL_TABLES;

/**
 * Starts the command line in a process of its own, to be killed. It has more lanes
 * than files of the large table: the others end while those hang.
 */
export function start(...args: string[]): ChildProcess {
	const child = spawn(
		process.execPath,
		[
			...["--import", "tsx", join(__dirname, "../../migration/cli.ts")],
			...[...args, "--jobs", "4"],
		],
		{ stdio: "ignore" },
	);
	// A test that fails before its kill must not keep the run from ending.
	child.unref();
	return child;
}

/** The folder of an export's data. */
export async function dataFolder(directory: string): Promise<string> {
	const [folder = ""] = (await readdir(directory)).filter((name) =>
		name.startsWith("data-"),
	);
	return join(directory, folder);
}

const LONGEST_WAIT = 30_000;

/** Waits for a condition; rejects where it does not come. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
	const deadline = Date.now() + LONGEST_WAIT;
	while (!(await condition())) {
		if (Date.now() > deadline) throw new Error("waited 30 s in vain");
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}
