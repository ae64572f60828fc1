import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { type Readable, Transform, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { ExitCode, MigrationError } from "../errors";

/** What went through a file: bytes before compression, digest of what was written. */
export interface FileSum {
	readonly bytes: number;
	readonly sha256: string;
}

/** Fast over small: at level 1 compression costs less time than writing would. */
const GZIP = { level: 1, chunkSize: 256 * 1024 };

/** Exports hold personal data: only their owner may read them. */
const FILE_MODE = 0o600;

/**
 * Compresses a stream into a file with constant memory; resolves when the file
 * has reached the disk.
 */
export async function writeCompressed(
	source: Readable | Iterable<string> | AsyncIterable<string>,
	path: string,
	onBytes: (bytes: number) => void,
): Promise<FileSum> {
	let bytes = 0;
	const hash = createHash("sha256");
	await pipeline(
		source,
		tap((chunk) => {
			bytes += chunk.length;
			onBytes(chunk.length);
		}),
		createGzip(GZIP),
		tap((chunk) => hash.update(chunk)),
		createWriteStream(path, { mode: FILE_MODE, flush: true }),
	);
	return { bytes, sha256: hash.digest("hex") };
}

/** Streams a compressed file into `sink`; gives the sum of what was read. */
export async function readCompressed(
	path: string,
	sink: Writable,
	onBytes: (bytes: number) => void,
): Promise<FileSum> {
	let bytes = 0;
	const hash = createHash("sha256");
	await pipeline(
		createReadStream(path),
		tap((chunk) => hash.update(chunk)),
		createGunzip({ chunkSize: GZIP.chunkSize }),
		tap((chunk) => {
			bytes += chunk.length;
			onBytes(chunk.length);
		}),
		sink,
	);
	return { bytes, sha256: hash.digest("hex") };
}

/** Fails unless the file holds what was written. */
export async function checkFile(path: string, sha256: string): Promise<void> {
	const hash = createHash("sha256");
	await pipeline(createReadStream(path), hash);
	if (hash.digest("hex") !== sha256) throw otherContent(path);
}

/** A file that is not what the manifest says it is. */
export function otherContent(path: string): MigrationError {
	return new MigrationError(
		{
			expected: `${path} as it was exported`,
			found: "other content (sha256 differs from the manifest's)",
			fix: "run export again; the target is unchanged",
		},
		ExitCode.failure,
	);
}

function tap(see: (chunk: Buffer) => void): Transform {
	return new Transform({
		transform(chunk: Buffer, _encoding, done) {
			see(chunk);
			done(null, chunk);
		},
	});
}
