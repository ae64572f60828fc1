import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

/** What the stand-in does to a request before or after it is carried out. */
export type Trouble =
	| "none"
	/** 503, nothing done. */
	| "refuse"
	/** 429 with Retry-After, nothing done. */
	| "throttle"
	/** Connection cut, nothing done. */
	| "drop"
	/** Carried out, then 502. */
	| "commit then fail"
	/** Carried out, then the connection is cut. */
	| "commit then drop";

export interface StoredUser {
	readonly id: string;
	readonly display_name: string;
	readonly primary_email: string | null;
	readonly primary_email_auth_enabled: boolean;
	readonly server_metadata: { supabase: { id: string } };
	// biome-ignore lint/suspicious/noExplicitAny: the body as it came
	readonly body: any;
}

const KEY = "server-key";

/**
 * A stand-in for Stack Auth's user API with the real one's traps: addresses in
 * lower case, a second user with the same address unless it may log in, search by
 * parts of name and address, pages by cursor. `trouble` decides what goes wrong.
 */
export class StackAuthStandIn {
	readonly users: StoredUser[] = [];
	requests = 0;
	/** Most requests that were open at one time. */
	widest = 0;
	trouble: (method: string, count: number) => Trouble = () => "none";
	private open = 0;
	private readonly server: Server;

	constructor() {
		this.server = createServer(async (request, response) => {
			this.requests++;
			this.widest = Math.max(this.widest, ++this.open);
			response.once("close", () => this.open--);
			const trouble = this.trouble(request.method ?? "", this.requests);
			if (trouble === "drop") return void request.socket.destroy();
			const answer =
				trouble === "refuse"
					? { status: 503, body: {} }
					: trouble === "throttle"
						? { status: 429, body: { code: "RATE_LIMITED" } }
						: await this.answer(request);
			if (trouble === "commit then drop") return void request.socket.destroy();
			if (trouble === "commit then fail") answer.status = 502;
			response.writeHead(answer.status, {
				"Content-Type": "application/json",
				...(answer.status === 429 && { "Retry-After": "0.05" }),
			});
			response.end(JSON.stringify(answer.body));
		});
	}

	/** Starts on a free port; gives the environment that the migration needs. */
	async start(): Promise<Record<string, string>> {
		await new Promise<void>((resolve) =>
			this.server.listen(0, "127.0.0.1", resolve),
		);
		const { port } = this.server.address() as AddressInfo;
		return {
			STACK_AUTH_API_URL: `http://127.0.0.1:${port}`,
			STACK_AUTH_PROJECT_ID: "project",
			STACK_AUTH_SECRET_SERVER_KEY: KEY,
		};
	}

	async stop(): Promise<void> {
		this.server.closeAllConnections();
		await new Promise((resolve) => this.server.close(resolve));
	}

	private async answer(
		request: IncomingMessage,
	): Promise<{ status: number; body: unknown }> {
		if (request.headers["x-stack-secret-server-key"] !== KEY)
			return { status: 401, body: { code: "INVALID_SECRET_SERVER_KEY" } };
		if (request.method === "POST")
			return this.create((await json(request)) as StoredUser["body"]);
		const url = new URL(request.url ?? "", "http://stand-in");
		return { status: 200, body: this.list(url.searchParams) };
	}

	private create(body: StoredUser["body"]): { status: number; body: unknown } {
		const email: string | null = body.primary_email?.toLowerCase() ?? null;
		if (
			body.primary_email_auth_enabled &&
			this.users.some(
				(user) =>
					user.primary_email === email && user.primary_email_auth_enabled,
			)
		)
			return { status: 409, body: { code: "USER_EMAIL_ALREADY_EXISTS" } };
		const user: StoredUser = {
			id: randomUUID(),
			display_name: body.display_name,
			primary_email: email,
			primary_email_auth_enabled: body.primary_email_auth_enabled ?? false,
			server_metadata: body.server_metadata,
			body,
		};
		this.users.push(user);
		return { status: 201, body: publicPart(user) };
	}

	private list(query: URLSearchParams): unknown {
		const search = query.get("query")?.toLowerCase() ?? "";
		const limit = Number(query.get("limit") ?? 100);
		const found = this.users.filter(
			(user) =>
				user.display_name.toLowerCase().includes(search) ||
				user.primary_email?.includes(search),
		);
		const from = query.has("cursor")
			? found.findIndex(({ id }) => id === query.get("cursor"))
			: 0;
		return {
			items: found.slice(from, from + limit).map(publicPart),
			pagination: { next_cursor: found[from + limit]?.id ?? null },
		};
	}
}

function publicPart({ body: _, ...user }: StoredUser): unknown {
	return user;
}
