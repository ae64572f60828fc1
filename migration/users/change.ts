import { EMAIL_TAKEN, type StackAuth, USER_GONE } from "./stack-auth";
import {
	accountsChanged,
	after,
	type Change,
	changedFields,
	digestOf,
	type Sent,
	unsureOf,
	updateBody,
} from "./wanted";

/** Whether anything has to be sent. */
export function isChange(sent: Sent, { fields, accounts }: Change): boolean {
	return (
		Object.keys(changedFields(sent, fields)).length > 0 ||
		accountsChanged(sent, accounts)
	);
}

/**
 * Makes a user of Stack Auth what they are to become, given the digests of what
 * was sent before; sends only what changed, as a password that is set again ends
 * all sessions. Can be repeated after any failure.
 *
 * @returns what is there now, and why the rest could not be done
 * @throws NoAnswer
 */
export async function change(
	stackAuth: StackAuth,
	id: string,
	sent: Sent,
	wanted: Change,
): Promise<{ readonly sent: Sent; readonly refused?: string }> {
	const changed = changedFields(sent, wanted.fields);
	const current = await stackAuth.user(id);
	if (!current) return { sent, refused: USER_GONE };

	const email = wanted.fields.primary_email ?? null;
	const logsIn = wanted.fields.primary_email_auth_enabled === true;
	// Of an address that stays the same the service asks nothing, its database does.
	if (
		email &&
		logsIn &&
		changed.primary_email_auth_enabled !== undefined &&
		(await stackAuth.holder(email, id))
	)
		return { sent, refused: EMAIL_TAKEN };
	// A former address of their own that comes back would be refused as taken.
	if (
		email &&
		changed.primary_email !== undefined &&
		current.primary_email !== email
	)
		await stackAuth.removeAddresses(id, [digestOf(email)]);

	if (Object.keys(changed).length > 0) {
		const updated = await stackAuth.update(id, {
			...updateBody(changed, wanted.fields),
			// The new application may keep something of its own beside.
			...(changed.server_metadata && {
				server_metadata: {
					...current.server_metadata,
					...changed.server_metadata,
				},
			}),
		});
		if (updated.kind === "conflict") return { sent, refused: updated.reason };
	}
	if (changed.primary_email !== undefined) {
		const former = [sent.fields.primary_email, addressDigest(current)];
		const refused = await stackAuth.removeAddresses(
			id,
			former.filter(
				(digest) => digest !== undefined && digest !== digestOf(email),
			) as string[],
		);
		if (refused)
			return { sent: unsureOf(sent, wanted), refused: refused.reason };
	}
	const now = after(sent, wanted);
	if (accountsChanged(sent, wanted.accounts)) {
		const refused = await stackAuth.setAccounts(
			id,
			wanted.accounts,
			sent.accounts,
		);
		if (refused) {
			const { accounts } = unsureOf(sent, wanted);
			const unsure = [...(now.unsure ?? []), "accounts" as const];
			return { sent: { ...now, accounts, unsure }, refused: refused.reason };
		}
	}
	return { sent: now };
}

function addressDigest(user: {
	readonly primary_email: string | null;
}): string | undefined {
	return user.primary_email === null ? undefined : digestOf(user.primary_email);
}
