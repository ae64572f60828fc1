import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type Docker from "dockerode";
import { Client } from "pg";
import { type Authority, createAuthority } from "../../authority";
import { completeSource } from "../../freshtrack/full";
import { DEFAULT_SEED, fillSource } from "../../freshtrack/generate";
import { createSourceSchema } from "../../freshtrack/schema";
import {
	type Place,
	removeContainer,
	runContainer,
	untilReady,
} from "./container";

const IMAGE = "cutover/supabase:latest";
/** Holds the filled data directory, so that only the first start pays for filling it. */
const FILLED = "cutover/supabase-filled";
const FRESHTRACK = join(__dirname, "..", "..", "freshtrack");
const START_TIMEOUT_MS = 60_000;

export interface SupabaseOptions extends Place {
	/** Receives supabase-ca.crt. */
	stateDir: string;
	seed?: string;
	/** Told when the first start has to fill the source. */
	onProgress?: (what: string) => void;
}

export interface Supabase {
	/** Of the role postgres, which is no superuser; TLS is enforced. */
	url: string;
	/** File with the CA, which Supabase offers for download. */
	caFile: string;
	ca: string;
	close(): Promise<void>;
}

/**
 * Stand-in for a Supabase project's database: a real PostgreSQL 15 in a container
 * with Supabase's roles and schemas, filled with FreshTrack's reduced schema and
 * generated data. The direct connection (5432) only.
 */
export async function startSupabase(
	options: SupabaseOptions,
): Promise<Supabase> {
	const authority = await createAuthority("Supabase Root CA (stand-in)");
	const filled = await filledImage(options, authority);
	const password = randomBytes(16).toString("hex");
	const container = await run(options, authority, filled, {
		POSTGRES_PASSWORD: password,
	});
	try {
		const url = `postgresql://postgres:${password}@${options.address}:5432/postgres`;
		await untilAnswering(container, url, authority.certificate);
		const caFile = join(options.stateDir, "supabase-ca.crt");
		await writeFile(caFile, authority.certificate);
		return {
			url: `${url}?sslmode=require`,
			caFile,
			ca: authority.certificate,
			close: () => removeContainer(container),
		};
	} catch (error) {
		await removeContainer(container);
		throw error;
	}
}

/** The image with data made by the generator as it is now; filled when there is none. */
async function filledImage(
	options: SupabaseOptions,
	authority: Authority,
): Promise<string> {
	const seed = options.seed ?? DEFAULT_SEED;
	const tag = await contentHash(options.docker, seed);
	const name = `${FILLED}:${tag}`;
	const images = await options.docker.listImages({
		filters: { reference: [FILLED] },
	});
	if (images.some((image) => image.RepoTags?.includes(name))) return name;

	options.onProgress?.("filling the source, on the first start only");
	const password = randomBytes(16).toString("hex");
	const container = await run(options, authority, IMAGE, {
		SUPABASE_ADMIN_PASSWORD: password,
	});
	try {
		const url = `postgresql://supabase_admin:${password}@${options.address}:5432/postgres`;
		await untilAnswering(container, url, authority.certificate);
		const client = new Client({
			connectionString: url,
			ssl: { ca: authority.certificate },
		});
		await client.connect();
		try {
			await createSourceSchema(client);
			await fillSource(client, { seed });
			await completeSource(client);
			// So that the first reader finds hint bits set and the start is like every other.
			await client.query("VACUUM (ANALYZE)");
			await client.query("CHECKPOINT");
		} finally {
			await client.end();
		}
		await container.stop();
		await container.commit({
			repo: FILLED,
			tag,
			// Set-up's mark: `npm run clean` removes it.
			changes:
				'LABEL cutover.setup=1\nENV SUPABASE_ADMIN_PASSWORD="" SERVER_KEY="" SERVER_CERTIFICATE=""',
		});
	} finally {
		await removeContainer(container);
	}
	// Data of an older generator is of no use any more; one still in use stays.
	for (const image of images)
		await options.docker
			.getImage(image.Id)
			.remove()
			.catch(() => {});
	return name;
}

async function contentHash(docker: Docker, seed: string): Promise<string> {
	const hash = createHash("sha256").update(seed);
	const base = await docker.getImage(IMAGE).inspect();
	hash.update(base.Id);
	const files = await readdir(FRESHTRACK, {
		recursive: true,
		withFileTypes: true,
	});
	const paths = files
		.filter(
			(file) =>
				file.isFile() &&
				/\.(sql|ts)$/.test(file.name) &&
				!file.name.endsWith(".test.ts"),
		)
		.map((file) => join(file.parentPath, file.name))
		.sort();
	for (const path of paths) hash.update(await readFile(path));
	return hash.digest("hex").slice(0, 16);
}

async function run(
	place: Place,
	authority: Authority,
	image: string,
	secrets: Record<string, string>,
): Promise<Docker.Container> {
	const server = await authority.issue([
		place.address,
		"db.freshtrack.supabase.co",
	]);
	return runContainer(place, {
		name: "supabase",
		image,
		environment: {
			...secrets,
			SERVER_CERTIFICATE: server.certificate,
			SERVER_KEY: server.key,
		},
		shmBytes: 256 * 1024 * 1024,
	});
}

function untilAnswering(
	container: Docker.Container,
	url: string,
	ca: string,
): Promise<void> {
	return untilReady(
		container,
		"the Supabase stand-in",
		START_TIMEOUT_MS,
		async () => {
			const client = new Client({
				connectionString: url,
				ssl: { ca },
				connectionTimeoutMillis: 2000,
			});
			// A connection that breaks while it is made also emits an error.
			client.on("error", () => {});
			try {
				await client.connect();
			} finally {
				await client.end();
			}
		},
	);
}
