import type { Account, Channel, StoredUser } from "./users";

/** A user as the server API answers (userPrismaToCrud in users/crud.tsx). */
export function present(user: StoredUser): Record<string, unknown> {
	const primary = user.channels.find(({ isPrimary }) => isPrimary);
	const restricted = user.anonymous || user.restrictedByAdmin;
	return {
		id: user.id,
		display_name: user.displayName,
		primary_email: primary?.value ?? null,
		primary_email_verified: primary?.isVerified ?? false,
		primary_email_auth_enabled: primary?.usedForAuth ?? false,
		profile_image_url: user.profileImageUrl,
		signed_up_at_millis: user.signedUpAt,
		last_active_at_millis: user.signedUpAt,
		client_metadata: user.clientMetadata,
		client_read_only_metadata: user.clientReadOnlyMetadata,
		server_metadata: user.serverMetadata,
		has_password: user.passwordHash !== null,
		otp_auth_enabled: user.otpEnabled,
		auth_with_email: user.passwordHash !== null || user.otpEnabled,
		requires_totp_mfa: user.requiresTotp,
		passkey_auth_enabled: false,
		oauth_providers: user.accounts.map(({ provider, accountId, email }) => ({
			id: provider,
			account_id: accountId,
			email,
		})),
		selected_team: null,
		selected_team_id: null,
		is_anonymous: user.anonymous,
		is_restricted: restricted,
		restricted_reason: restricted
			? { type: user.anonymous ? "anonymous" : "restricted_by_administrator" }
			: null,
		restricted_by_admin: user.restrictedByAdmin,
		restricted_by_admin_reason: user.restrictedReason,
		restricted_by_admin_private_details: user.restrictedDetails,
	};
}

/** An address of a user as the API answers. */
export function presentChannel(userId: string, channel: Channel) {
	return {
		user_id: userId,
		id: channel.id,
		type: "email",
		value: channel.value,
		is_primary: channel.isPrimary,
		is_verified: channel.isVerified,
		used_for_auth: channel.usedForAuth,
	};
}

/** An account at a provider as the API answers. */
export function presentAccount(userId: string, account: Account) {
	return {
		user_id: userId,
		id: account.id,
		email: account.email ?? undefined,
		provider_config_id: account.provider,
		type: account.provider,
		allow_sign_in: account.allowSignIn,
		allow_connected_accounts: account.allowConnectedAccounts,
		account_id: account.accountId,
	};
}
