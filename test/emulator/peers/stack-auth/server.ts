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
import { checkNewPassword, hashFrom, read } from "./fields";
import { present, presentAccount, presentChannel } from "./present";
import { Tokens } from "./tokens";
import { totp } from "./totp";
import { type StoredUser, Users } from "./users";

/** Compared against for unknown addresses, so that these take as long. */
const NOBODY = "$2b$10$CwTycUXWue0Thq9StjUM0uJ8mB1mMDGcZqMFwUjGkOoYc0q5cbTqK";
const RESET_CODE_LIFETIME_MS = 2 * 60 * 60 * 1000;
const MFA_ATTEMPT_LIFETIME_MS = 5 * 60 * 1000;

export interface StackAuthOptions {
	/** Address to listen on. */
	address: string;
	/** Sends the mail with a reset link. */
	sendMail: (mail: {
		to: string;
		subject: string;
		text: string;
	}) => Promise<void>;
	/** OAuth providers that the project has switched on; default: google. */
	oauthProviders?: readonly string[];
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
const reset = z.object({ code: z.string(), password: z.string().max(70) });
const secondFactor = z.object({
	type: z.literal("totp"),
	totp: z.string(),
	code: z.string(),
});

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
	const service = new Service(
		project,
		await Tokens.create(),
		options.sendMail,
		options.oauthProviders ?? ["google"],
	);
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
	readonly #users: Users;
	readonly #codes = new Codes();
	#fault: UserFault | undefined;

	constructor(
		private readonly project: Project,
		private readonly tokens: Tokens,
		private readonly sendMail: StackAuthOptions["sendMail"],
		private readonly oauthProviders: readonly string[],
	) {
		this.#users = new Users(oauthProviders);
	}

	fail(fault: UserFault): void {
		this.#fault = { ...fault };
	}

	async handle(call: Call): Promise<Reply> {
		try {
			return await this.#route(call);
		} catch (error) {
			if (error instanceof KnownError || error instanceof StatusError)
				return error.reply();
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
			case "POST /auth/mfa/sign-in":
				return this.#secondFactor(call);
			case "GET /projects/current":
				return { status: 200, body: this.#project() };
		}
		const [, group = ""] = path.split("/");
		const serve = this.#groups[group];
		if (serve) {
			if (access === "client")
				throw new KnownError(
					401,
					"INSUFFICIENT_ACCESS_TYPE",
					"The x-stack-access-type header must be 'server' or 'admin', but was 'client'.",
				);
			return this.#withFaults(() => serve(call, path.split("/").slice(2)));
		}
		throw new StatusError(404, `Not found: ${path}`);
	}

	/** What only a server may ask for, by the first part of the path; handlers get the rest. */
	readonly #groups: Record<
		string,
		(call: Call, rest: readonly string[]) => Promise<Reply>
	> = {
		users: (call, [id]) => this.#usersRoute(call, id),
		"contact-channels": (call, rest) =>
			this.#ownedRoute(
				call,
				rest,
				(userId, id) => this.#users.deleteChannel(userId, id),
				(user) => user.channels.map((one) => presentChannel(user.id, one)),
			),
		"oauth-providers": (call, rest) => this.#accountsRoute(call, rest),
	};

	#project() {
		return {
			id: this.project.projectId,
			display_name: "Stand-in",
			config: {
				sign_up_enabled: true,
				credential_enabled: true,
				magic_link_enabled: false,
				passkey_enabled: false,
				client_team_creation_enabled: false,
				client_user_deletion_enabled: false,
				allow_user_api_keys: false,
				allow_team_api_keys: false,
				enabled_oauth_providers: this.oauthProviders.map((id) => ({ id })),
				domains: [],
			},
		};
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

	async #usersRoute(call: Call, id: string | undefined): Promise<Reply> {
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
		throw new StatusError(405, "Method not allowed");
	}

	async #accountsRoute(call: Call, rest: readonly string[]): Promise<Reply> {
		if (call.method === "POST" && !rest[0]) {
			const account = this.#users.createAccount(call.body);
			return { status: 201, body: presentAccount(account.userId, account) };
		}
		return this.#ownedRoute(
			call,
			rest,
			(userId, id) => this.#users.deleteAccount(userId, id),
			(user) => user.accounts.map((one) => presentAccount(user.id, one)),
		);
	}

	/** What users have several of: one of it removed, or a user's listed. */
	async #ownedRoute(
		call: Call,
		[userId, id]: readonly string[],
		remove: (userId: string, id: string) => void,
		list: (user: StoredUser) => readonly unknown[],
	): Promise<Reply> {
		if (call.method === "DELETE" && userId && id) {
			remove(userId, id);
			return { status: 200, body: { success: true } };
		}
		if (call.method !== "GET" || userId)
			throw new StatusError(405, "Method not allowed");
		const user = this.#users.get(call.url.searchParams.get("user_id") ?? "");
		return { status: 200, body: { is_paginated: false, items: list(user) } };
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
				{
					attempt_code: this.#codes.make(
						"second factor",
						user.id,
						MFA_ATTEMPT_LIFETIME_MS,
					),
				},
			);
		return { status: 200, body: await this.#signedIn(call, user) };
	}

	async #secondFactor(call: Call): Promise<Reply> {
		const body = read(secondFactor, call.body);
		const attempt = this.#codes.check("second factor", body.code);
		const user = this.#users.get(attempt.userId);
		if (!user.totpSecret || totp(user.totpSecret) !== body.totp)
			throw new KnownError(
				400,
				"INVALID_TOTP_CODE",
				"The TOTP code is invalid. Please try again.",
			);
		attempt.used = true;
		return {
			status: 200,
			body: { ...(await this.#signedIn(call, user)), is_new_user: false },
		};
	}

	async #signedIn(call: Call, user: StoredUser) {
		const { access, refresh } = await this.tokens.issue(
			user,
			this.project.projectId,
			call.url.origin,
		);
		return { access_token: access, refresh_token: refresh, user_id: user.id };
	}

	/** Answers alike whether the address is known or not. */
	async #sendResetCode(call: Call): Promise<Reply> {
		const { email, callback_url: callback } = read(resetRequest, call.body);
		const user = this.#users.byLogIn(email);
		if (user) {
			const code = this.#codes.make("reset", user.id, RESET_CODE_LIFETIME_MS);
			const link = new URL(callback);
			link.searchParams.set("code", code);
			await this.sendMail({
				to: email,
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
		const known = this.#codes.check("reset", code);
		known.used = true;
		checkNewPassword(password);
		const user = this.#users.get(known.userId);
		user.passwordHash = (await hashFrom({ password })) ?? null;
		return { status: 200, body: { success: true } };
	}

	async #withFaults(work: () => Promise<Reply>): Promise<Reply> {
		const fault = this.#fault;
		if (!fault || fault.times <= 0) return work();
		fault.times -= 1;
		if (fault.afterCommit) await work();
		throw new StatusError(fault.status, "Internal Server Error");
	}
}

interface Code {
	readonly purpose: string;
	readonly userId: string;
	readonly expires: number;
	used: boolean;
}

/** Codes that are good once and for a while (apps/backend/src/route-handlers/verification-code-handler.tsx). */
class Codes {
	readonly #codes = new Map<string, Code>();

	make(purpose: string, userId: string, lifetimeMs: number): string {
		const code = randomBytes(24).toString("hex");
		const expires = Date.now() + lifetimeMs;
		this.#codes.set(code, { purpose, userId, expires, used: false });
		return code;
	}

	/** @throws KnownError */
	check(purpose: string, text: string): Code {
		const code = this.#codes.get(text.toLowerCase());
		if (code?.purpose !== purpose)
			throw new KnownError(
				404,
				"VERIFICATION_CODE_NOT_FOUND",
				"The verification code does not exist for this project.",
			);
		if (code.expires < Date.now())
			throw new KnownError(
				400,
				"VERIFICATION_CODE_EXPIRED",
				"The verification code has expired.",
			);
		if (code.used)
			throw new KnownError(
				409,
				"VERIFICATION_CODE_ALREADY_USED",
				"The verification link has already been used.",
			);
		return code;
	}
}

function equal(given: string | undefined, wanted: string): boolean {
	const [left, right] = [Buffer.from(given ?? ""), Buffer.from(wanted)];
	return left.length === right.length && timingSafeEqual(left, right);
}
