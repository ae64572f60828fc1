import {
	type Conflict,
	EMAIL_TAKEN,
	type StackAuth,
	USER_GONE,
} from "./stack-auth";
import {
	accountsChanged,
	type Change,
	changedFields,
	digestOf,
	digestsOf,
	type Sent,
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
 * @returns what is there now, or why it could not be done
 * @throws NoAnswer
 */
export async function change(
	stackAuth: StackAuth,
	id: string,
	sent: Sent,
	wanted: Change,
): Promise<{ readonly kind: "done"; readonly sent: Sent } | Conflict> {
	const changed = changedFields(sent, wanted.fields);
	const current = await stackAuth.user(id);
	if (!current) return { kind: "conflict", reason: USER_GONE };

	const email = wanted.fields.primary_email ?? null;
	const logsIn = wanted.fields.primary_email_auth_enabled === true;
	// Of an address that stays the same the service asks nothing, its database does.
	if (
		email &&
		logsIn &&
		changed.primary_email_auth_enabled !== undefined &&
		(await stackAuth.holder(email, id))
	)
		return { kind: "conflict", reason: EMAIL_TAKEN };

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
		if (updated.kind === "conflict") return updated;
	}
	if (changed.primary_email !== undefined) {
		const former = [sent.fields.primary_email, addressDigest(current)];
		const refused = await stackAuth.removeAddresses(
			id,
			former.filter(
				(digest) => digest !== undefined && digest !== digestOf(email),
			) as string[],
		);
		if (refused) return refused;
	}
	if (accountsChanged(sent, wanted.accounts)) {
		const refused = await stackAuth.setAccounts(
			id,
			wanted.accounts,
			sent.accounts,
		);
		if (refused) return refused;
	}
	const now = digestsOf(wanted);
	const kept = Object.entries(sent.fields).filter(
		([key]) => !(key in wanted.fields),
	);
	return {
		kind: "done",
		sent: {
			fields: { ...Object.fromEntries(kept), ...now.fields },
			accounts: now.accounts,
		},
	};
}

function addressDigest(user: {
	readonly primary_email: string | null;
}): string | undefined {
	return user.primary_email === null ? undefined : digestOf(user.primary_email);
}
