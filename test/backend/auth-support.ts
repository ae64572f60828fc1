import {
	type StackAuth,
	startStackAuth,
} from "../emulator/peers/stack-auth/server";
import { ask } from "./support";

/** The stand-in of Stack Auth with a mailbox. */
export interface TestAuth {
	service: StackAuth;
	mails: { to: string; text: string }[];
	/** What the backend needs to know of it. */
	environment: Record<string, string>;
	/** Makes a user; without a password, one whose hash was not carried over. Gives the id. */
	createUser(email: string, password?: string): Promise<string>;
	/** Calls the server API. */
	call(method: string, path: string, body?: unknown): ReturnType<typeof ask>;
}

export async function startAuth(): Promise<TestAuth> {
	const mails: { to: string; text: string }[] = [];
	const service = await startStackAuth({
		address: "127.0.0.1",
		sendMail: async ({ to, text }) => {
			mails.push({ to, text });
		},
	});
	const call = (method: string, path: string, body?: unknown) =>
		ask(`${service.url}/api/v1${path}`, {
			method,
			body,
			headers: {
				"x-stack-access-type": "server",
				"x-stack-project-id": service.projectId,
				"x-stack-secret-server-key": service.secretServerKey,
			},
		});
	return {
		service,
		mails,
		environment: {
			STACK_AUTH_API_URL: service.url,
			STACK_AUTH_PROJECT_ID: service.projectId,
			STACK_AUTH_PUBLISHABLE_CLIENT_KEY: service.publishableClientKey,
			STACK_AUTH_SECRET_SERVER_KEY: service.secretServerKey,
		},
		call,
		async createUser(email, password) {
			const { body } = await call("POST", "/users", {
				primary_email: email,
				primary_email_auth_enabled: true,
				...(password === undefined ? {} : { password }),
			});
			return body.id;
		},
	};
}
