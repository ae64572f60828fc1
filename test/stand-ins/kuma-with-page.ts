import { apply } from "../../observability/uptime-kuma/apply";
import { Kuma } from "../../observability/uptime-kuma/client";
import {
	type DesiredArgs,
	desiredState,
} from "../../observability/uptime-kuma/desired";
import { startKuma } from "./uptime-kuma/server";

/** The stand-in for Uptime Kuma with a status page on it, and a client that is logged in. */
export async function startKumaWithPage(
	wanted: Pick<DesiredArgs, "hostnames" | "uplinkPath">,
) {
	const server = await startKuma({ port: 0, folder: undefined });
	const kuma = await Kuma.open({ url: server.url });
	await kuma.enter("operator", "kept-for-this-test-41");
	await apply(
		kuma,
		desiredState({
			title: "example.com",
			...wanted,
			databaseToken: "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6",
		}),
	);
	return {
		url: server.url,
		kuma,
		async close() {
			kuma.close();
			await server.close();
		},
	};
}
