import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { UserError } from "../../cutover/errors";
import { Control } from "./api/control";
import { apiRoutes } from "./api/routes";
import { ApiServer, type Exchange } from "./api/server";
import { Clock } from "./clock";
import { Background, type Context, Identifiers, Queues } from "./context";
import { HostTable, NAME_SERVERS } from "./dns/hosts";
import { DnsServer } from "./dns/server";
import type { Machines } from "./machines/types";
import { emptyState } from "./state";

/** Time for work behind answers to end before the machines are taken down around it. */
const settleMs = 30_000;

export interface EmulatorOptions {
	/** Does the real work; closed together with the emulator. */
	machines: Machines;
	/** Sees every exchange with the API. */
	onExchange?: (exchange: Exchange, control: Control) => void;
}

export interface Emulator {
	/** http://127.0.0.1:PORT */
	url: string;
	/** The bearer token that the API accepts. */
	token: string;
	/** Name servers: on loopback, and on the public network's gateway where there is one. */
	resolvers: { address: string; port: number }[];
	context: Context;
	control: Control;
	/** Waits for work behind answers, then stops API, DNS and machines. */
	close(): Promise<void>;
}

/**
 * Starts an empty emulated DigitalOcean account: its HTTP API on a free
 * loopback port and its name servers. Rejects, with everything stopped again,
 * when a port is taken.
 */
export async function startEmulator(
	options: EmulatorOptions,
): Promise<Emulator> {
	const { machines } = options;
	const context = createContext(machines);
	const control = new Control(context);
	const closers: (() => Promise<void>)[] = [() => machines.close()];
	const close = async () => {
		// Machines go last: work that is still under way needs them.
		for (const closer of closers.splice(0).reverse()) await closer();
	};
	try {
		closers.push(() =>
			Promise.race([
				context.background.settled(),
				setTimeout(settleMs, undefined, { ref: false }),
			]),
		);
		const dns = { state: context.state, hosts: context.hosts };
		const places = [{ address: "127.0.0.1", port: 0 }];
		if (machines.network.gateway !== "127.0.0.1")
			places.push({ address: machines.network.gateway, port: 53 });
		const resolvers: DnsServer[] = [];
		for (const place of places) {
			const server = await DnsServer.listen({ ...dns, ...place }).catch(
				(error: NodeJS.ErrnoException) => {
					throw explain(error, place);
				},
			);
			resolvers.push(server);
			if (place.port === 53)
				for (const name of NAME_SERVERS)
					context.hosts.set(name, server.address);
			closers.push(() => server.close());
		}
		const api = await ApiServer.listen({
			context,
			routes: apiRoutes(context),
			control,
			onExchange: (exchange) => options.onExchange?.(exchange, control),
		});
		closers.push(() => api.close());
		return {
			url: api.url,
			token: context.token,
			resolvers: resolvers.map(({ address, port }) => ({ address, port })),
			context,
			control,
			close,
		};
	} catch (error) {
		await close();
		throw error;
	}
}

/** Port 53 is the one that may be taken, or not be this user's to take. */
function explain(
	error: NodeJS.ErrnoException,
	place: { address: string; port: number },
): Error {
	const expected = `UDP and TCP port ${place.port} of ${place.address} free for the emulator's name server`;
	if (error.code === "EADDRINUSE")
		return new UserError({
			expected,
			found: "another program that listens there, maybe on all addresses",
			fix: `find it with ss -lntup 'sport = :${place.port}' and stop it, or have it listen on its own address only`,
		});
	if (error.code === "EACCES")
		return new UserError({
			expected: `${expected}, and the right to listen there`,
			found: "permission denied",
			fix: "run as root, or sysctl net.ipv4.ip_unprivileged_port_start=53",
		});
	return error;
}

function createContext(machines: Machines): Context {
	const state = emptyState();
	const clock = new Clock();
	const ids = new Identifiers();
	const now = clock.timestamp();
	const project = {
		id: ids.uuid(),
		name: "first-project",
		description: "Update your project information under Settings",
		purpose: "Just trying out DigitalOcean",
		environment: "Development" as const,
		isDefault: true,
		createdAt: now,
		updatedAt: now,
		resources: new Map(),
	};
	state.projects.set(project.id, project);
	return {
		state,
		machines,
		clock,
		ids,
		hosts: new HostTable(),
		background: new Background(state.failures),
		queues: new Queues(),
		token: `dop_v1_${randomBytes(32).toString("hex")}`,
	};
}
