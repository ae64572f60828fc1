import type { Context } from "../context";
import { type Route, route } from "./router";
import * as shape from "./shapes";

/** The account's number, which is also part of its database host names. */
export const accountNumber = 1234567;

export function accountRoutes(_context: Context): Route[] {
	return [
		route({
			method: "GET",
			path: "/v2/account",
			status: 200,
			answer: shape.one("account", shape.account),
			handle: () => ({
				account: {
					droplet_limit: 25,
					floating_ip_limit: 5,
					reserved_ip_limit: 5,
					volume_limit: 10,
					email: "emulator@example.com",
					name: "Emulated account",
					uuid: "b6fr89dbf6d9156cace5f3c78dc9851d957381ef",
					email_verified: true,
					status: "active",
					status_message: "",
					team: {
						name: "My Team",
						uuid: "5df3e3004a17e242b7c20ca6c9fc25b701a47ece",
					},
				},
			}),
		}),
	];
}
