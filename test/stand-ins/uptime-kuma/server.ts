import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server as SocketServer } from "socket.io";
import {
	handlers,
	lists,
	publicEvents,
	type Served,
	unserved,
} from "./handlers";
import { Cache, respond } from "./http";
import { Runner } from "./monitors";
import { Store } from "./store";

/** Sockets that have logged in. */
const inside = "inside";

/**
 * A stand-in for Uptime Kuma 2.5: its socket.io events, its monitors of type http, push
 * and group, and its status pages, as far as a stack uses them. What it does not have
 * answers an error.
 *
 * @param folder for its data; none where they may go with the process.
 */
export async function startKuma({
	port,
	folder,
}: {
	port: number;
	folder: string | undefined;
}): Promise<{ url: string; close(): Promise<void> }> {
	const store = new Store(folder);
	const cache = new Cache();
	const http = createServer((request, response) =>
		respond(served, cache, request, response),
	);
	const io = new SocketServer(http);
	const served: Served = {
		store,
		runner: new Runner(store, (beat) => {
			if (beat.important) cache.clear();
			io.to(inside).emit("heartbeat", beat);
		}),
		clearCache: () => cache.clear(),
		push: (event, ...args) => io.to(inside).emit(event, ...args),
	};
	const all = handlers(served);
	io.on("connection", (socket) => {
		if (!store.state.user) socket.emit("setup");
		// As there: what comes before the handlers are attached is not answered.
		setImmediate(() => {
			socket.onAny((event: string, ...given: unknown[]) => {
				const answer = given.pop();
				if (typeof answer !== "function") return;
				try {
					const handle = all[event];
					if (!handle) throw new Error(unserved(event));
					if (!publicEvents.has(event) && !socket.rooms.has(inside))
						throw new Error("You are not logged in.");
					const fields = handle(...given);
					if (event === "login") {
						void socket.join(inside);
						for (const [list, read] of Object.entries(lists))
							socket.emit(list, read(store));
					}
					store.save();
					answer({ ok: true, ...fields });
				} catch (error) {
					answer({ ok: false, msg: (error as Error).message });
				}
			});
			socket.emit("loginRequired");
		});
	});
	http.listen(port);
	await once(http, "listening");
	return {
		url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
		close: async () => {
			served.runner.stopAll();
			http.closeAllConnections();
			await io.close();
		},
	};
}
