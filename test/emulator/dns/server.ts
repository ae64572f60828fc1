import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import {
	type AddressInfo,
	createServer,
	type Socket,
	type Server as TcpServer,
} from "node:net";
import * as dnsPacket from "dns-packet";
import type { State } from "../state";
import { forward } from "./forward";
import type { HostTable } from "./hosts";
import { resolve } from "./resolve";

/** Largest UDP answer without EDNS (RFC 1035), and the size offered with it (RFC 9715). */
const plainUdpSize = 512;
const ednsUdpSize = 1232;

export interface DnsOptions {
	state: Pick<State, "domains">;
	hosts: HostTable;
	/** Address to listen on. */
	address: string;
	/** 0 takes a free port, the same for UDP and TCP. */
	port: number;
}

/**
 * A name server over UDP and TCP: authoritative for the account's domains and
 * host names, a forwarder to this host's own resolver for everything else.
 */
export class DnsServer {
	readonly address: string;
	readonly port: number;
	readonly #udp: UdpSocket;
	readonly #tcp: TcpServer;
	readonly #connections: Set<Socket>;

	private constructor(
		udp: UdpSocket,
		tcp: TcpServer,
		connections: Set<Socket>,
	) {
		const { address, port } = tcp.address() as AddressInfo;
		this.address = address;
		this.port = port;
		this.#udp = udp;
		this.#tcp = tcp;
		this.#connections = connections;
	}

	/** Rejects when the port is taken. */
	static async listen(options: DnsOptions): Promise<DnsServer> {
		// Few attempts are needed: a free TCP port is seldom taken for UDP.
		for (let attempt = 1; ; attempt += 1) {
			const connections = new Set<Socket>();
			const tcp = createServer((socket) => {
				connections.add(socket);
				socket.once("close", () => connections.delete(socket));
				serveTcp(options, socket);
			});
			tcp.listen(options.port, options.address);
			await once(tcp, "listening");
			const { port } = tcp.address() as AddressInfo;
			const udp = createSocket("udp4");
			udp.on("message", (message, peer) => {
				reply(options, message, "udp")
					.then((answer) => {
						if (answer) udp.send(answer, peer.port, peer.address);
					})
					// Garbage, or the server is closed by now.
					.catch(() => {});
			});
			try {
				udp.bind(port, options.address);
				await once(udp, "listening");
				// An answer that can not be delivered is the asker's loss.
				udp.on("error", () => {});
				return new DnsServer(udp, tcp, connections);
			} catch (error) {
				tcp.close();
				if (options.port !== 0 || attempt === 5) throw error;
			}
		}
	}

	async close(): Promise<void> {
		for (const socket of this.#connections) socket.destroy();
		await Promise.all([
			new Promise<void>((done) => this.#udp.close(() => done())),
			new Promise<void>((done) => this.#tcp.close(() => done())),
		]);
	}
}

/** Messages over TCP carry their length in front (RFC 1035 section 4.2.2). */
function serveTcp(options: DnsOptions, socket: Socket): void {
	let received = Buffer.alloc(0);
	socket.on("error", () => socket.destroy());
	socket.on("data", (chunk) => {
		received = Buffer.concat([received, chunk]);
		while (received.length >= 2) {
			const length = received.readUInt16BE(0);
			if (received.length < 2 + length) return;
			const message = received.subarray(2, 2 + length);
			received = received.subarray(2 + length);
			reply(options, message, "tcp")
				.then((answer) => {
					if (!answer || socket.destroyed) return;
					const size = Buffer.alloc(2);
					size.writeUInt16BE(answer.length);
					socket.write(Buffer.concat([size, answer]));
				})
				.catch(() => socket.destroy());
		}
	});
}

/** The answer to one message; undefined for what is not a query at all. */
async function reply(
	options: DnsOptions,
	message: Buffer,
	transport: "udp" | "tcp",
): Promise<Buffer | undefined> {
	let query: dnsPacket.DecodedPacket;
	try {
		query = dnsPacket.decode(message);
	} catch {
		return undefined;
	}
	if (query.type !== "query") return undefined;
	const question = query.questions?.[0];
	if (opcodeOf(query) !== 0) return encode(query, "NOTIMP");
	if (!question || query.questions?.length !== 1)
		return encode(query, "FORMERR");
	try {
		return await answerTo(options, message, transport, query, question);
	} catch {
		// A record that does not fit a packet.
		return encode(query, "SERVFAIL");
	}
}

async function answerTo(
	options: DnsOptions,
	message: Buffer,
	transport: "udp" | "tcp",
	query: dnsPacket.Packet,
	question: dnsPacket.Question,
): Promise<Buffer> {
	const found = resolve(
		options.state,
		options.hosts,
		question.name,
		question.type,
	);
	if (!found)
		return (await forward(message, transport)) ?? encode(query, "SERVFAIL");
	const answer = encode(
		query,
		found.rcode,
		dnsPacket.AUTHORITATIVE_ANSWER,
		found.answers,
		found.authorities,
	);
	if (transport === "udp" && answer.length > udpLimit(query))
		return encode(
			query,
			found.rcode,
			dnsPacket.AUTHORITATIVE_ANSWER | dnsPacket.TRUNCATED_RESPONSE,
		);
	return answer;
}

/** Bits 11 to 14 of the header's flags; 0 is a standard query. */
const opcodeOf = (query: dnsPacket.Packet) => ((query.flags ?? 0) >> 11) & 0xf;

const ednsOf = (query: dnsPacket.Packet) =>
	query.additionals?.find((record) => record.type === "OPT");

function udpLimit(query: dnsPacket.Packet): number {
	const edns = ednsOf(query);
	if (!edns) return plainUdpSize;
	return Math.max(plainUdpSize, Math.min(edns.udpPayloadSize, ednsUdpSize));
}

/** RFC 1035 section 4.1.1; dns-packet takes the response code as part of the flags. */
const responseCodes = {
	NOERROR: 0,
	FORMERR: 1,
	SERVFAIL: 2,
	NXDOMAIN: 3,
	NOTIMP: 4,
};

function encode(
	query: dnsPacket.Packet,
	rcode: keyof typeof responseCodes,
	flags = 0,
	answers: dnsPacket.Answer[] = [],
	authorities: dnsPacket.Answer[] = [],
): Buffer {
	return dnsPacket.encode({
		type: "response",
		id: query.id,
		flags:
			flags |
			((query.flags ?? 0) & dnsPacket.RECURSION_DESIRED) |
			dnsPacket.RECURSION_AVAILABLE |
			responseCodes[rcode],
		questions: query.questions,
		answers,
		authorities,
		additionals: ednsOf(query)
			? [
					{
						type: "OPT",
						name: ".",
						udpPayloadSize: ednsUdpSize,
						extendedRcode: 0,
						ednsVersion: 0,
						flags: 0,
						flag_do: false,
						options: [],
					},
				]
			: [],
	});
}
