import { randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import bcrypt from "bcryptjs";
import { z } from "zod";
import { type Call, type HttpPeer, type Reply, serveJson } from "../http";
import {
	emailPasswordMismatch,
	KnownError,
	StatusError,
	schemaError,
} from "./errors";
import { Tokens } from "./tokens";
import { hashPassword, present, Users } from "./users";

/** Compared against for unknown addresses, so that these take as long. */
const NOBODY = "$2b$10$CwTycUXWue0Thq9StjUM0uJ8mB1mMDGcZqMFwUjGkOoYc0q5cbTqK";
const RESET_CODE_LIFETIME_MS = 2 * 60 * 60 * 1000;

export interface StackAuthOptions {
	/** Address to listen on. */
	address: string;
	/** Sends the mail with a reset link. */
	sendMail: (mail: {
		to: string;
		subject: string;
		text: string;
	}) => Promise<void>;
}

/** A 5xx that clients meet instead of an answer, after the work or before it. */
export interface UserFault {
	status: number;
	times: number;
	afterCommit: boolean;
}

export interface StackAuth {
	url: string;
	projectId: string;
	secretServerKey: string;
	publishableClientKey: string;
	/** Makes the next requests to /users fail. */
	fail(fault: UserFault): void;
	close(): Promise<void>;
}

const credentials = z.object({
	email: z.string().min(1),
	password: z.string(),
});
const resetRequest = z.object({
	email: z.string().min(1),
	callback_url: z.url(),
});
const reset = z.object({ code: z.string(), password: z.string().min(8) });

/**
 * Stand-in for Stack Auth (Hexclave): the part of its REST API that a migration
 * and a log-in use, with one project whose users live in memory.
 */
export async function startStackAuth(
	options: StackAuthOptions,
): Promise<StackAuth> {
	const project = {
		projectId: randomUUID(),
		secretServerKey: `ssk_${randomBytes(24).toString("base64url")}`,
		publishableClientKey: `pck_${randomBytes(24).toString("base64url")}`,
	};
	const service = new Service(project, await Tokens.create(), options.sendMail);
	const peer: HttpPeer = await serveJson(options.address, (call) =>
		service.handle(call),
	);
	return {
		...project,
		url: peer.url,
		fail: (fault) => service.fail(fault),
		close: () => peer.close(),
	};
}

interface Project {
	projectId: string;
	secretServerKey: string;
	publishableClientKey: string;
}

class Service {
	readonly #users = new Users();
	readonly #codes = new Map<string, { userId: string; expires: number }>();
	#fault: UserFault | undefined;

	constructor(
		private readonly project: Project,
		private readonly tokens: Tokens,
		private readonly sendMail: StackAuthOptions["sendMail"],
	) {}

	fail(fault: UserFault): void {
		this.#fault = { ...fault };
	}

	async handle(call: Call): Promise<Reply> {
		try {
			return await this.#route(call);
		} catch (error) {
			if (error instanceof KnownError) return error.reply();
			if (error instanceof StatusError)
				return { status: error.status, body: error.message };
			throw error;
		}
	}

	async #route(call: Call): Promise<Reply> {
		const path = call.url.pathname.replace(/^\/api\/(v1|latest)/, "");
		const route = `${call.method} ${path}`;
		if (route === "GET /" || route === "GET /health")
			return { status: 200, body: { status: "ok" } };
		if (
			route === `GET /projects/${this.project.projectId}/.well-known/jwks.json`
		)
			return { status: 200, body: this.tokens.jwks };
		const access = this.#authenticate(call);
		switch (route) {
			case "POST /auth/password/sign-in":
				return this.#signIn(call);
			case "POST /auth/password/send-reset-code":
				return this.#sendResetCode(call);
			case "POST /auth/password/reset":
				return this.#reset(call);
		}
		if (/^\/users(\/|$)/.test(path)) {
			if (access === "client")
				throw new KnownError(
					401,
					"INSUFFICIENT_ACCESS_TYPE",
					"The x-stack-access-type header must be 'server' or 'admin', but was 'client'.",
				);
			return this.#withFaults(() => this.#usersRoute(call, path));
		}
		return { status: 404, body: `Not found: ${path}` };
	}

	#authenticate(call: Call): "client" | "server" {
		const header = (name: string) => {
			const value = call.headers[name];
			return typeof value === "string" ? value : undefined;
		};
		const access = header("x-stack-access-type");
		if (access === undefined)
			throw new KnownError(
				400,
				"ACCESS_TYPE_REQUIRED",
				"You must specify an access level for this Stack project. Make sure project API keys are provided.",
			);
		const projectId = header("x-stack-project-id");
		if (projectId === undefined)
			throw new KnownError(
				400,
				"ACCESS_TYPE_WITHOUT_PROJECT_ID",
				`The x-stack-access-type header was ${JSON.stringify(access)}, but the x-stack-project-id header was not provided.`,
			);
		if (projectId !== this.project.projectId)
			throw new KnownError(
				401,
				"CURRENT_PROJECT_NOT_FOUND",
				`The current project with ID ${projectId} was not found. Please check the value of the x-stack-project-id header.`,
				{ project_id: projectId },
			);
		if (
			equal(
				header("x-stack-secret-server-key"),
				this.project.secretServerKey,
			) &&
			access === "server"
		)
			return "server";
		if (
			access === "client" &&
			equal(
				header("x-stack-publishable-client-key"),
				this.project.publishableClientKey,
			)
		)
			return "client";
		if (access === "server")
			throw new KnownError(
				401,
				"INVALID_SECRET_SERVER_KEY",
				`The secret server key is not valid for the project ${JSON.stringify(projectId)}. Does the project and/or the key exist?`,
				{ project_id: projectId },
			);
		throw new KnownError(
			401,
			"INVALID_PUBLISHABLE_CLIENT_KEY",
			`The publishable key is not valid for the project ${JSON.stringify(projectId)}. Does the project and/or the key exist?`,
			{ project_id: projectId },
		);
	}

	async #usersRoute(call: Call, path: string): Promise<Reply> {
		const id = path.split("/")[2];
		if (id === undefined) {
			if (call.method === "POST")
				return {
					status: 201,
					body: present(await this.#users.create(call.body)),
				};
			if (call.method === "GET")
				return { status: 200, body: this.#list(call.url.searchParams) };
		} else {
			if (call.method === "GET")
				return { status: 200, body: present(this.#users.get(id)) };
			if (call.method === "PATCH")
				return {
					status: 200,
					body: present(await this.#users.update(id, call.body)),
				};
			if (call.method === "DELETE") {
				this.#users.delete(id);
				return { status: 200, body: { success: true } };
			}
		}
		return { status: 405, body: "Method not allowed" };
	}

	#list(search: URLSearchParams) {
		const limit = search.has("limit") ? Number(search.get("limit")) : undefined;
		if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1))
			throw schemaError("limit must be an integer greater than or equal to 1");
		const asked = (name: string) => search.get(name) === "true";
		const { items, nextCursor } = this.#users.list({
			limit,
			query: search.get("query") ?? undefined,
			cursor: search.get("cursor") ?? undefined,
			include: asked("include_anonymous")
				? "anonymous"
				: asked("include_restricted")
					? "restricted"
					: "normal",
		});
		return {
			is_paginated: true,
			items: items.map(present),
			pagination: { next_cursor: nextCursor },
		};
	}

	async #signIn(call: Call): Promise<Reply> {
		const { email, password } = read(credentials, call.body);
		const user = this.#users.byLogIn(email);
		const matches = await bcrypt.compare(
			password,
			user?.passwordHash ?? NOBODY,
		);
		if (!user?.passwordHash || !matches) throw emailPasswordMismatch();
		if (user.requiresTotp)
			throw new KnownError(
				400,
				"MULTI_FACTOR_AUTHENTICATION_REQUIRED",
				"Multi-factor authentication is required for this user.",
				{ attempt_code: randomBytes(24).toString("base64url") },
			);
		const { access, refresh } = await this.tokens.issue(
			user,
			this.project.projectId,
			call.url.origin,
		);
		return {
			status: 200,
			body: { access_token: access, refresh_token: refresh, user_id: user.id },
		};
	}

	/** Answers alike whether the address is known or not. */
	async #sendResetCode(call: Call): Promise<Reply> {
		const { email, callback_url: callback } = read(resetRequest, call.body);
		const user = this.#users.byLogIn(email);
		if (user?.fields.primary_email) {
			const code = randomBytes(32).toString("base64url");
			this.#codes.set(code, {
				userId: user.id,
				expires: Date.now() + RESET_CODE_LIFETIME_MS,
			});
			const link = new URL(callback);
			link.searchParams.set("code", code);
			await this.sendMail({
				to: user.fields.primary_email,
				subject: "Reset your password",
				text: `To choose a new password, open ${link.href}`,
			});
		}
		return {
			status: 200,
			body: { success: "maybe, only if user with e-mail exists" },
		};
	}

	async #reset(call: Call): Promise<Reply> {
		const { code, password } = read(reset, call.body);
		const known = this.#codes.get(code);
		if (!known)
			throw new KnownError(
				404,
				"VERIFICATION_CODE_NOT_FOUND",
				"The verification code does not exist for this project.",
			);
		if (known.expires < Date.now())
			throw new KnownError(
				400,
				"VERIFICATION_CODE_EXPIRED",
				"The verification code has expired.",
			);
		const user = this.#users.get(known.userId);
		user.passwordHash = await hashPassword(password);
		this.#codes.delete(code);
		return { status: 200, body: { success: true } };
	}

	async #withFaults(work: () => Promise<Reply>): Promise<Reply> {
		const fault = this.#fault;
		if (!fault || fault.times <= 0) return work();
		fault.times -= 1;
		if (fault.afterCommit) await work();
		return { status: fault.status, body: "Internal Server Error" };
	}
}

function read<Schema extends z.ZodType>(
	schema: Schema,
	body: unknown,
): z.output<Schema> {
	const parsed = schema.safeParse(body);
	if (!parsed.success) throw schemaError(z.prettifyError(parsed.error));
	return parsed.data;
}

function equal(given: string | undefined, wanted: string): boolean {
	const [left, right] = [Buffer.from(given ?? ""), Buffer.from(wanted)];
	return left.length === right.length && timingSafeEqual(left, right);
}
