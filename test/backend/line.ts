import {
	type AddressInfo,
	connect as connectTo,
	createServer,
	type Socket,
} from "node:net";

/** A TCP line to a server, which can be cut. */
export interface Line {
	port: number;
	cut(): void;
	mend(): void;
	close(): Promise<void>;
}

/** Opens a line from a free port of `address` to a port of this machine. */
export async function openLine(
	port: number,
	address = "127.0.0.1",
): Promise<Line> {
	const sockets = new Set<Socket>();
	let open = true;
	const server = createServer((near) => {
		if (!open) {
			near.destroy();
			return;
		}
		const far = connectTo(port, "127.0.0.1");
		for (const [socket, peer] of [
			[near, far],
			[far, near],
		] as const) {
			sockets.add(socket);
			socket.on("error", () => socket.destroy());
			socket.on("close", () => {
				sockets.delete(socket);
				peer.destroy();
			});
			socket.pipe(peer);
		}
	});
	await new Promise<void>((resolve) => {
		server.listen(0, address, resolve);
	});
	const cut = () => {
		open = false;
		for (const socket of sockets) {
			socket.destroy();
		}
	};
	return {
		port: (server.address() as AddressInfo).port,
		cut,
		mend() {
			open = true;
		},
		close() {
			cut();
			return new Promise((resolve) => {
				server.close(() => resolve());
			});
		},
	};
}
