import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createBrotliDecompress } from "node:zlib";

/** Reads a compressed file line by line. */
export async function* readLines(path: string): AsyncGenerator<string> {
	// Whatever fails reaches the reader below.
	const stream = pipeline(
		createReadStream(path),
		createBrotliDecompress(),
		() => {},
	);
	stream.setEncoding("utf8");
	let rest = "";
	for await (const text of stream as AsyncIterable<string>) {
		const lines = (rest + text).split("\n");
		rest = lines.pop() ?? "";
		yield* lines;
	}
}
