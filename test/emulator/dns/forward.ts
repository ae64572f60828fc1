import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { connect } from "node:net";

/** Time that this host's resolver has for an answer. */
const timeoutMs = 5000;

/**
 * Hands a query for a foreign name to this host's resolver, unchanged, over the
 * transport it came by. undefined when no resolver answers.
 */
export async function forward(
	message: Buffer,
	transport: "udp" | "tcp",
): Promise<Buffer | undefined> {
	const server = hostResolver();
	if (!server) return undefined;
	return transport === "udp"
		? overUdp(message, server)
		: overTcp(message, server);
}

/** The first IPv4 name server of /etc/resolv.conf, read anew as it may change. */
function hostResolver(): string | undefined {
	try {
		const text = readFileSync("/etc/resolv.conf", "utf8");
		return /^\s*nameserver\s+(\d+\.\d+\.\d+\.\d+)/m.exec(text)?.[1];
	} catch {
		return undefined;
	}
}

function overUdp(message: Buffer, server: string): Promise<Buffer | undefined> {
	return new Promise((done) => {
		const socket = createSocket("udp4");
		const finish = (answer?: Buffer) => {
			clearTimeout(timer);
			socket.close();
			done(answer);
		};
		const timer = setTimeout(finish, timeoutMs);
		socket.once("error", () => finish());
		socket.once("message", (answer) => finish(answer));
		socket.send(message, 53, server);
	});
}

function overTcp(message: Buffer, server: string): Promise<Buffer | undefined> {
	return new Promise((done) => {
		const socket = connect({ host: server, port: 53, timeout: timeoutMs });
		let received = Buffer.alloc(0);
		const finish = (answer?: Buffer) => {
			socket.destroy();
			done(answer);
		};
		socket.once("connect", () => {
			const length = Buffer.alloc(2);
			length.writeUInt16BE(message.length);
			socket.write(Buffer.concat([length, message]));
		});
		socket.on("data", (chunk) => {
			received = Buffer.concat([received, chunk]);
			if (received.length < 2) return;
			const length = received.readUInt16BE(0);
			if (received.length >= 2 + length)
				finish(received.subarray(2, 2 + length));
		});
		socket.once("timeout", () => finish());
		socket.once("error", () => finish());
		socket.once("close", () => finish());
	});
}
