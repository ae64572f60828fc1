import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type Docker from "dockerode";
import { z } from "zod";
import { TTN_APPLICATION } from "../../freshtrack/data/equipment";
import {
	DEFAULT_SEED,
	type KnownSource,
	knownSource,
	passwordOf,
} from "../../freshtrack/generate";
import type { ControlHook } from "../api/control";
import type { PublicNetwork } from "../machines/types";
import { startAcme } from "./acme";
import { startLegacy } from "./legacy";
import { type Mailbox, startMailbox } from "./smtp";
import { type StackAuth, startStackAuth } from "./stack-auth/server";
import { startSupabase } from "./supabase";
import {
	type SupabaseManagement,
	startSupabaseManagement,
} from "./supabase-management";
import { startTtn, type Ttn } from "./ttn";

/** Zones that the old system serves by HTTPS. */
const ZONES = ["freshtrackpro.com", "staging.freshtrackpro.com"];
/** Where the host's own roots are, to be trusted beside the stand-ins'. */
const HOST_ROOTS = [
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/cert.pem",
];

export interface PeersOptions {
	docker: Docker;
	network: PublicNetwork;
	/** Receives certificates. */
	stateDir: string;
	/** Labels for containers, by which leftovers are found. */
	labels: Record<string, string>;
	/** Name server of the emulated zones, ip:port, as containers and this host reach it. */
	resolver: string;
	onProgress?: (what: string) => void;
}

export interface Peers {
	/** Addresses, keys and files, by the names that programs look for them. */
	environment: Record<string, string>;
	/** Endpoints under /_emulator. */
	hook: ControlHook;
	close(): Promise<void>;
}

/**
 * Starts all that a cutover talks to beside DigitalOcean: the Supabase database,
 * the old system's site, Stack Auth, The Things Network, a mail server and an
 * ACME server. All but the last are stand-ins, except that databases, mail and
 * HTTP are real.
 */
export async function startPeers(options: PeersOptions): Promise<Peers> {
	const { network, stateDir } = options;
	const closers: (() => Promise<unknown>)[] = [];
	const close = async () => {
		for (const closer of closers.splice(0).reverse()) await closer();
	};
	async function keep<Part extends { close(): Promise<unknown> }>(
		starting: Promise<Part>,
	): Promise<Part> {
		const part = await starting;
		closers.push(() => part.close());
		return part;
	}
	const place = (last: number) => ({
		docker: options.docker,
		network: network.name,
		address: addressOf(network, last),
		labels: options.labels,
	});
	try {
		const known = await knownSource();
		const [mailbox, acme, supabase] = await settled([
			keep(startMailbox(network.gateway)),
			keep(startAcme(place(30), options.resolver)),
			keep(
				startSupabase({
					...place(20),
					stateDir,
					onProgress: options.onProgress,
				}),
			),
		]);
		const [supabaseManagement, stackAuth, legacy] = await settled([
			keep(startSupabaseManagement(network.gateway)),
			keep(
				startStackAuth({
					address: network.gateway,
					sendMail: (mail) =>
						mailbox.send({ from: "noreply@stack-auth.example", ...mail }),
				}),
			),
			keep(
				startLegacy({
					place: place(10),
					gateway: network.gateway,
					names: ZONES.flatMap((zone) => [zone, `*.${zone}`]),
					source: supabase,
				}),
			),
		]);
		const ttn = await keep(
			startTtn({
				address: network.gateway,
				applicationPrefix: TTN_APPLICATION,
				legacy: {
					baseUrl: `http://${addressOf(network, 10)}`,
					path: legacy.uplinkPath,
				},
				known,
				outgoing: {
					resolver: options.resolver,
					roots: () => [acme.root, legacy.ca],
				},
			}),
		);
		const files = await writeRoots(stateDir, {
			acmeCa: acme.ca,
			acmeRoot: acme.root,
			legacyCa: legacy.ca,
		});
		return {
			environment: {
				LEGACY_ADDRESS: addressOf(network, 10),
				SOURCE_DATABASE_URL: supabase.url,
				SOURCE_DATABASE_CA_FILE: supabase.caFile,
				STACK_AUTH_API_URL: stackAuth.url,
				STACK_AUTH_PROJECT_ID: stackAuth.projectId,
				STACK_AUTH_SECRET_SERVER_KEY: stackAuth.secretServerKey,
				STACK_AUTH_PUBLISHABLE_CLIENT_KEY: stackAuth.publishableClientKey,
				TTN_API_URL: ttn.url,
				TTN_API_KEY: ttn.apiKey,
				TTN_APPLICATION_IDS: ttn.applicationIds.join(","),
				SUPABASE_API_URL: supabaseManagement.url,
				SUPABASE_PROJECT_REF: supabaseManagement.projectRef,
				SUPABASE_ACCESS_TOKEN: supabaseManagement.accessToken,
				SMTP_URL: mailbox.url,
				ACME_DIRECTORY_URL: acme.directoryUrl,
				...files,
			},
			hook: controlHook({ known, mailbox, stackAuth, supabaseManagement, ttn }),
			close,
		};
	} catch (error) {
		await close();
		throw error;
	}
}

/** Like Promise.all, but waits for all to end, so that a failure leaves nothing half started. */
async function settled<Parts extends readonly unknown[]>(
	starting: readonly [...{ [Index in keyof Parts]: Promise<Parts[Index]> }],
): Promise<Parts> {
	await Promise.allSettled(starting);
	return (await Promise.all(starting)) as unknown as Parts;
}

/** The address of a network whose last number is `last`. */
function addressOf(network: PublicNetwork, last: number): string {
	return network.gateway.replace(/\d+$/, String(last));
}

async function writeRoots(
	stateDir: string,
	roots: { acmeCa: string; acmeRoot: string; legacyCa: string },
): Promise<Record<string, string>> {
	const write = async (name: string, text: string) => {
		const path = join(stateDir, name);
		await writeFile(path, text);
		return path;
	};
	const own = [roots.acmeCa, roots.acmeRoot, roots.legacyCa];
	// As on any machine, what Let's Encrypt issues is trusted beside the host's own roots.
	const trusted = [await hostRoots(), ...own];
	return {
		ACME_CA_FILE: await write("acme-ca.crt", roots.acmeCa),
		ACME_ROOT_FILE: await write("acme-root.crt", roots.acmeRoot),
		LEGACY_CA_FILE: await write("legacy-ca.crt", roots.legacyCa),
		PRIVATE_ROOTS_FILE: await write("private-roots.crt", own.join("\n")),
		NODE_EXTRA_CA_CERTS: await write("roots.crt", trusted.join("\n")),
	};
}

async function hostRoots(): Promise<string> {
	const inherited = process.env.NODE_EXTRA_CA_CERTS;
	for (const path of [...(inherited ? [inherited] : []), ...HOST_ROOTS]) {
		const text = await readFile(path, "utf8").catch(() => undefined);
		if (text !== undefined) return text;
	}
	return "";
}

const uplinkRequest = z.strictObject({
	devEui: z.string().optional(),
	temperature: z.number(),
	fPort: z.int().optional(),
});
const faultRequest = z.strictObject({
	status: z.int().min(500).max(599),
	times: z.int().min(1).default(1),
	afterCommit: z.boolean().default(false),
});

/** What in real life a sensor, a person's inbox or a bad day does. */
function controlHook(peers: {
	known: KnownSource;
	mailbox: Mailbox;
	stackAuth: StackAuth;
	supabaseManagement: SupabaseManagement;
	ttn: Ttn;
}): ControlHook {
	return async (path, method, body) => {
		switch (`${method} ${path}`) {
			case "POST /ttn/uplink": {
				const parsed = uplinkRequest.safeParse(body);
				if (!parsed.success)
					return {
						status: 400,
						body: { message: z.prettifyError(parsed.error) },
					};
				try {
					return { status: 200, body: await peers.ttn.uplink(parsed.data) };
				} catch (error) {
					return {
						status: 502,
						body: {
							message: `the uplink did not arrive: ${(error as Error).message}`,
						},
					};
				}
			}
			case "GET /ttn/deliveries":
				return { status: 200, body: { deliveries: peers.ttn.deliveries } };
			case "GET /supabase":
				return { status: 200, body: peers.supabaseManagement.settings };
			case "GET /mailbox":
				return { status: 200, body: { messages: peers.mailbox.messages } };
			case "GET /logins":
				return { status: 200, body: logIns(peers.known) };
			case "POST /stack-auth/fault": {
				const parsed = faultRequest.safeParse(body);
				if (!parsed.success)
					return {
						status: 400,
						body: { message: z.prettifyError(parsed.error) },
					};
				peers.stackAuth.fail(parsed.data);
				return { status: 200, body: parsed.data };
			}
			default:
				return undefined;
		}
	};
}

/** One person whose hash can be carried over, and one who has to choose a password anew. */
function logIns(known: KnownSource) {
	const carried = known.logIns.find(({ password }) => password !== null);
	const reset = known.logIns.find(({ password }) => password === null);
	if (!carried?.password || !reset)
		throw new Error("the source has no known log-ins");
	return {
		carried: { email: carried.email, password: carried.password },
		// What this person types is never right: the old system knew no password either.
		reset: {
			email: reset.email,
			password: passwordOf(DEFAULT_SEED, reset.email),
		},
	};
}
