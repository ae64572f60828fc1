import {
	type AddressInfo,
	connect,
	createServer,
	type Server,
	type Socket,
} from "node:net";

/** What has gone through a connection when a further piece comes. */
export interface Passed {
	/** Counted from 1. */
	readonly connection: number;
	readonly fromClient: number;
	readonly fromServer: number;
}

/** A TCP proxy before a server that cuts connections, or lets them hang, as told. */
export class LossyTcp {
	/** Asked before every piece is handed on. */
	act: (passed: Passed) => "pass" | "cut" | "hang" = () => "pass";
	private connections = 0;
	private readonly open = new Map<Socket, number>();
	private readonly server: Server;

	private constructor(upstream: { host: string; port: number }) {
		this.server = createServer((client) => {
			const connection = ++this.connections;
			const server = connect(upstream.port, upstream.host);
			const passed = { connection, fromClient: 0, fromServer: 0 };
			for (const socket of [client, server]) {
				this.open.set(socket, connection);
				socket.on("error", () => {});
				socket.once("close", () => {
					this.open.delete(socket);
					client.destroy();
					server.destroy();
				});
			}
			this.relay(client, server, passed, "fromClient");
			this.relay(server, client, passed, "fromServer");
		});
	}

	/** A proxy before the server of a database's URL, and the URL through it. */
	static async before(url: string): Promise<{ proxy: LossyTcp; url: string }> {
		const address = new URL(url);
		const proxy = new LossyTcp({
			host: address.hostname,
			port: Number(address.port),
		});
		await new Promise<void>((resolve) =>
			proxy.server.listen(0, "127.0.0.1", resolve),
		);
		address.port = String((proxy.server.address() as AddressInfo).port);
		return { proxy, url: address.href };
	}

	/** Cuts one connection, counted from 1. */
	cut(connection: number): void {
		for (const [socket, number] of this.open)
			if (number === connection) socket.destroy();
	}

	async stop(): Promise<void> {
		for (const socket of this.open.keys()) socket.destroy();
		await new Promise((resolve) => this.server.close(resolve));
	}

	private relay(
		from: Socket,
		to: Socket,
		passed: { connection: number; fromClient: number; fromServer: number },
		count: "fromClient" | "fromServer",
	): void {
		from.on("data", (piece) => {
			passed[count] += piece.length;
			const act = this.act(passed);
			if (act === "cut") return void from.destroy();
			if (act === "hang") return void from.pause();
			if (to.write(piece)) return;
			from.pause();
			to.once("drain", () => from.resume());
		});
	}
}
