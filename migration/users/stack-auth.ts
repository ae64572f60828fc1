import { type Answer, type Api, NoAnswer, unreachable } from "./api";
import {
	accountDigest,
	type Change,
	createBody,
	digestOf,
	type OAuthAccount,
	type ServerMetadata,
} from "./wanted";

export type { StackAuthAddress } from "./api";

/** A user as the API answers, as far as it matters here. */
export interface StackAuthUser {
	readonly id: string;
	readonly display_name: string | null;
	readonly primary_email: string | null;
	readonly primary_email_verified: boolean;
	readonly primary_email_auth_enabled: boolean;
	readonly has_password: boolean;
	readonly signed_up_at_millis: number;
	readonly is_anonymous: boolean;
	readonly restricted_by_admin: boolean;
	readonly client_metadata: Readonly<Record<string, unknown>> | null;
	readonly client_read_only_metadata: Readonly<Record<string, unknown>> | null;
	readonly server_metadata: Partial<ServerMetadata> | null;
	readonly oauth_providers: readonly {
		readonly id: string;
		readonly account_id: string;
	}[];
}

/** What the new project can do. */
export interface Project {
	readonly passwords: boolean;
	readonly oauthProviders: readonly string[];
}

/** Something a person has to decide on; nothing was changed. */
export interface Conflict {
	readonly kind: "conflict";
	readonly reason: string;
}

/** What came of a creation; the accounts that the user was surely given with it. */
export type Creation =
	| {
			readonly kind: "done";
			readonly id: string;
			readonly accounts: readonly OAuthAccount[];
	  }
	| Conflict;

export const EMAIL_TAKEN =
	"Stack Auth has another user with this e-mail address";
export const ACCOUNT_TAKEN =
	"another user of Stack Auth signs in by this account at a provider";
export const USER_GONE = "the user was removed from Stack Auth";

/** Users a page when all are listed: some hundred kilobytes. */
const LIST_PAGE = 500;
const SEARCH_PAGE = 100;

/**
 * What the migration asks of Stack Auth's server API. A 5xx or a broken
 * connection may leave the user created, and only users who log in by e-mail are
 * refused a second time: so after every such failure the user is looked for by
 * the old id in its server metadata before it is created again.
 */
export class StackAuth {
	constructor(private readonly api: Api) {}

	/** Reads the project; fails with a message for people unless address, project and key work. */
	async project(): Promise<Project> {
		const answer = await this.api
			.get<{
				config?: {
					credential_enabled?: boolean;
					enabled_oauth_providers?: readonly { readonly id: string }[];
				};
			}>("/projects/current")
			.catch((error) => {
				throw error instanceof NoAnswer ? unreachable(error.message) : error;
			});
		return {
			passwords: answer.config?.credential_enabled ?? true,
			oauthProviders: (answer.config?.enabled_oauth_providers ?? []).map(
				({ id }) => id,
			),
		};
	}

	/** All users, one after the other. */
	all(): AsyncGenerator<StackAuthUser> {
		return this.list({}, LIST_PAGE);
	}

	/** The ids of all users that a migration made, by their old ids. */
	async byOldId(): Promise<Map<string, string>> {
		const ids = new Map<string, string>();
		for await (const user of this.all()) {
			const oldId = user.server_metadata?.supabase?.id;
			if (oldId) ids.set(oldId, user.id);
		}
		return ids;
	}

	/** Makes the user, or finds the one that a lost attempt of this call made. @throws NoAnswer */
	async create({ fields, accounts }: Change, oldId: string): Promise<Creation> {
		let given = accounts;
		for (let attempt = 1; ; attempt++) {
			const body = createBody(fields, given);
			const answer = await this.api.once("POST", "/users", body);
			if (answer.kind === "answer" && answer.status < 300) {
				const { id } = answer.body as StackAuthUser;
				return { kind: "done", id, accounts: given };
			}
			if (answer.kind === "answer" && answer.status !== 409)
				return refusal(answer);
			if (answer.kind === "lost") await this.api.wait(attempt, answer);
			const found = await this.find(body, oldId);
			if (found) return { kind: "done", id: found.id, accounts: [] };
			if (answer.kind === "answer")
				return { kind: "conflict", reason: EMAIL_TAKEN };
			// A 500 may also be for an account of another user; adding it later says so.
			given = [];
		}
	}

	/** One user; undefined where it is gone. @throws NoAnswer */
	async user(id: string): Promise<StackAuthUser | undefined> {
		const answer = await this.api.repeat("GET", `/users/${id}`);
		if (answer.status < 300) return answer.body as StackAuthUser;
		if (answer.status === 404) return undefined;
		throw this.api.refused(answer);
	}

	/** Changes what the body names. @throws NoAnswer */
	async update(
		id: string,
		body: Record<string, unknown>,
	): Promise<{ kind: "done" } | Conflict> {
		const answer = await this.api.repeat("PATCH", `/users/${id}`, body);
		return answer.status < 300 ? { kind: "done" } : refusal(answer);
	}

	/** Another user than this one who logs in by that address. @throws NoAnswer */
	async holder(email: string, id: string): Promise<string | undefined> {
		for await (const user of this.list({ query: searchText(email) }))
			if (
				user.id !== id &&
				user.primary_email === email &&
				user.primary_email_auth_enabled
			)
				return user.id;
		return undefined;
	}

	/**
	 * Removes former addresses of a user, given by their digests: one that is no
	 * longer the primary one stays good for log-in otherwise. @throws NoAnswer
	 */
	async removeAddresses(
		id: string,
		digests: readonly string[],
	): Promise<Conflict | undefined> {
		const { items } = await this.api.get<{
			items: readonly {
				readonly id: string;
				readonly value: string;
				readonly is_primary: boolean;
			}[];
		}>(`/contact-channels?user_id=${id}`);
		for (const channel of items) {
			if (channel.is_primary || !digests.includes(digestOf(channel.value)))
				continue;
			const refused = await this.remove(
				`/contact-channels/${id}/${channel.id}`,
			);
			if (refused) return refused;
		}
		return undefined;
	}

	/**
	 * Gives a user the wanted accounts at providers and takes those away that were
	 * sent before (`sent` holds their digests); others are the user's own doing.
	 * @throws NoAnswer
	 */
	async setAccounts(
		id: string,
		wanted: readonly OAuthAccount[],
		sent: readonly string[],
	): Promise<Conflict | undefined> {
		const { items } = await this.api.get<{
			items: readonly {
				readonly id: string;
				readonly provider_config_id: string;
				readonly account_id: string;
			}[];
		}>(`/oauth-providers?user_id=${id}`);
		const there = items.map((item) => ({
			id: item.id,
			digest: accountDigest({
				provider: item.provider_config_id,
				accountId: item.account_id,
				email: null,
			}),
		}));
		const digests = wanted.map(accountDigest);
		for (const account of there) {
			if (digests.includes(account.digest) || !sent.includes(account.digest))
				continue;
			const refused = await this.remove(`/oauth-providers/${id}/${account.id}`);
			if (refused) return refused;
		}
		for (const account of wanted) {
			if (there.some(({ digest }) => digest === accountDigest(account)))
				continue;
			const refused = await this.addAccount(id, account);
			if (refused) return refused;
		}
		return undefined;
	}

	/** Mails a link to set a password; the answer does not say to whom. @throws NoAnswer */
	async sendReset(
		email: string,
		callbackUrl: string,
	): Promise<Conflict | undefined> {
		const answer = await this.api.repeat(
			"POST",
			"/auth/password/send-reset-code",
			{ email, callback_url: callbackUrl },
		);
		return answer.status < 300 ? undefined : refusal(answer);
	}

	/**
	 * The user that stands for the old one, if there is any. The API searches for
	 * parts of names and addresses, so the exact one is picked here.
	 */
	private async find(
		body: Record<string, unknown>,
		oldId: string,
	): Promise<StackAuthUser | undefined> {
		const text = String(body.primary_email ?? body.display_name ?? "");
		for await (const user of this.list({ query: searchText(text) }))
			if (user.server_metadata?.supabase?.id === oldId) return user;
		return undefined;
	}

	/** A link that was made by a lost attempt is refused the second time: so look. */
	private async addAccount(
		id: string,
		{ provider, accountId, email }: OAuthAccount,
	): Promise<Conflict | undefined> {
		for (let attempt = 1; ; attempt++) {
			const answer = await this.api.once("POST", "/oauth-providers", {
				user_id: id,
				provider_config_id: provider,
				account_id: accountId,
				...(email && { email }),
				allow_sign_in: true,
				allow_connected_accounts: true,
			});
			if (answer.kind === "answer" && answer.status < 300) return undefined;
			if (answer.kind === "lost") await this.api.wait(attempt, answer);
			const user = await this.user(id);
			const linked = user?.oauth_providers.some(
				(account) =>
					account.id === provider && account.account_id === accountId,
			);
			if (linked) return undefined;
			if (answer.kind === "answer") return refusal(answer);
		}
	}

	private async remove(path: string): Promise<Conflict | undefined> {
		const answer = await this.api.repeat("DELETE", path);
		// Gone already, perhaps by an attempt whose answer was lost.
		return answer.status < 300 || answer.status === 404
			? undefined
			: refusal(answer);
	}

	/** Restricted and anonymous users are listed on request only: here all are. */
	private async *list(
		parameters: { readonly query?: string },
		limit = SEARCH_PAGE,
	): AsyncGenerator<StackAuthUser> {
		let cursor: string | null = null;
		do {
			const query = new URLSearchParams({
				...parameters,
				limit: String(limit),
				include_anonymous: "true",
				...(cursor && { cursor }),
			});
			const page: UserPage = await this.api.get(`/users?${query}`);
			yield* page.items;
			cursor = page.pagination?.next_cursor ?? null;
		} while (cursor);
	}
}

interface UserPage {
	readonly items: readonly StackAuthUser[];
	readonly pagination?: { readonly next_cursor?: string | null };
}

/**
 * What to search for: the service hands it to ILIKE as it is, where a backslash
 * would hide the next character; % and _ only find more.
 */
function searchText(text: string): string {
	const parts = text.toLowerCase().split("\\");
	return parts.reduce((longest, part) =>
		part.length > longest.length ? part : longest,
	);
}

function refusal(answer: Answer): Conflict {
	if (answer.code === "USER_EMAIL_ALREADY_EXISTS")
		return { kind: "conflict", reason: EMAIL_TAKEN };
	if (answer.code === "OAUTH_PROVIDER_ACCOUNT_ID_ALREADY_USED_FOR_SIGN_IN")
		return { kind: "conflict", reason: ACCOUNT_TAKEN };
	if (answer.code === "USER_NOT_FOUND")
		return { kind: "conflict", reason: USER_GONE };
	return {
		kind: "conflict",
		reason: `Stack Auth answered ${answer.status}: ${answer.code}`,
	};
}
