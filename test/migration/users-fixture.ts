import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Api } from "../../migration/users/api";
import { moveUsers, type UsersOptions } from "../../migration/users/move";
import type { UsersResult } from "../../migration/users/result";
import { readLiveUsers } from "../../migration/users/source";
import { StackAuth as Client } from "../../migration/users/stack-auth";
import {
	type StackAuth,
	startStackAuth,
} from "../emulator/peers/stack-auth/server";
import { type Database, emptyTarget, run, using } from "./databases";
import { UnreliableProxy } from "./unreliable-proxy";

/** A user of Stack Auth as its server API answers. */
export interface StoredUser {
	readonly id: string;
	readonly display_name: string | null;
	readonly profile_image_url: string | null;
	readonly primary_email: string | null;
	readonly primary_email_verified: boolean;
	readonly primary_email_auth_enabled: boolean;
	readonly has_password: boolean;
	readonly requires_totp_mfa: boolean;
	readonly is_anonymous: boolean;
	readonly restricted_by_admin: boolean;
	readonly restricted_by_admin_reason: string | null;
	readonly client_metadata: unknown;
	readonly client_read_only_metadata: unknown;
	readonly server_metadata: {
		readonly supabase?: { readonly id: string } & Record<string, unknown>;
	} | null;
	readonly oauth_providers: readonly unknown[];
}

/** A new system: an empty target and a Stack Auth behind a proxy that may lose requests. */
export class NewSystem {
	readonly mails: { readonly to: string; readonly text: string }[] = [];

	private constructor(
		readonly target: Database,
		readonly stackAuth: StackAuth,
		readonly proxy: UnreliableProxy,
		/** Environment of the command line. */
		readonly env: Record<string, string>,
	) {}

	static async start(source?: Database): Promise<NewSystem> {
		const target = await emptyTarget();
		const stackAuth = await startStackAuth({
			address: "127.0.0.1",
			sendMail: async (mail) => void system.mails.push(mail),
			oauthProviders: ["google", "microsoft"],
		});
		const proxy = new UnreliableProxy(stackAuth.url);
		const system: NewSystem = new NewSystem(target, stackAuth, proxy, {
			STACK_AUTH_API_URL: await proxy.start(),
			STACK_AUTH_PROJECT_ID: stackAuth.projectId,
			STACK_AUTH_SECRET_SERVER_KEY: stackAuth.secretServerKey,
			TARGET_DATABASE_URL: target.url,
			...(source && { SOURCE_DATABASE_URL: source.url }),
		});
		return system;
	}

	async stop(): Promise<void> {
		await this.proxy.stop();
		await this.stackAuth.close();
	}

	/** A request past the proxy. */
	async call(
		access: "server" | "client",
		method: string,
		path: string,
		body?: unknown,
		// biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
	): Promise<{ status: number; body: any }> {
		const response = await fetch(`${this.stackAuth.url}/api/v1${path}`, {
			method,
			headers: {
				"Content-Type": "application/json",
				"X-Stack-Access-Type": access,
				"X-Stack-Project-Id": this.stackAuth.projectId,
				"X-Stack-Secret-Server-Key": this.stackAuth.secretServerKey,
				"X-Stack-Publishable-Client-Key": this.stackAuth.publishableClientKey,
			},
			...(body !== undefined && { body: JSON.stringify(body) }),
		});
		const text = await response.text();
		return {
			status: response.status,
			body: text.startsWith("{") ? JSON.parse(text) : text,
		};
	}

	/** Whether that password lets in by that address. */
	async logsIn(email: string, password: string): Promise<boolean> {
		const { status } = await this.call(
			"client",
			"POST",
			"/auth/password/sign-in",
			{ email, password },
		);
		return status === 200;
	}

	/** Stack Auth's users by their old id, each of them once. */
	async moved(): Promise<Map<string, StoredUser>> {
		const { body } = await this.call(
			"server",
			"GET",
			"/users?limit=100000&include_anonymous=true",
		);
		const items = body.items as StoredUser[];
		const byOldId = new Map(
			items.map((user) => [user.server_metadata?.supabase?.id ?? "", user]),
		);
		assert.equal(byOldId.size, items.length, "somebody exists twice");
		return byOldId;
	}

	/** The rows of the user map. */
	map() {
		return run(
			this.target.url,
			"SELECT old_id, new_id, state, reason FROM cutover.user_map ORDER BY old_id",
		);
	}
}

const OPTIONS: UsersOptions = {
	carryHashes: true,
	anonymousUsers: "skip",
	deletedUsers: "skip",
	ssoUsers: "skip",
	oauthProviders: new Map([["google", "google"]]),
	concurrency: 8,
	dryRun: false,
	complete: true,
};

/** Moves the users of the live source without the command line, whose waits after a failure are long. */
export function moveAll(
	source: Database,
	{ env, target }: NewSystem,
	/** Milliseconds, where the command line waits 250. */
	firstDelay: number,
): Promise<UsersResult> {
	return using(source.url, (from) =>
		using(target.url, async (to) => {
			await from.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
			const address = {
				apiUrl: env.STACK_AUTH_API_URL ?? "",
				projectId: env.STACK_AUTH_PROJECT_ID ?? "",
				secretServerKey: env.STACK_AUTH_SECRET_SERVER_KEY ?? "",
			};
			const client = new Client(new Api(address, firstDelay));
			return moveUsers(to, client, readLiveUsers(from), OPTIONS);
		}),
	);
}

/** md5('…')::uuid, as the fixtures make ids. */
export function uuidOf(name: string): string {
	return createHash("md5")
		.update(name)
		.digest("hex")
		.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
