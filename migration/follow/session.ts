import { hostname } from "node:os";
import type { Client } from "pg";
import { connect, type DatabaseAddress } from "../connection";

/**
 * A server notices within seconds that we are gone, also while it works for us,
 * and lets go of our locks; by default it would after two hours.
 */
const NOTICE_A_LOST_CLIENT = `
	SET tcp_keepalives_idle = 15;
	SET tcp_keepalives_interval = 5;
	SET tcp_keepalives_count = 3;
	SET client_connection_check_interval = '2s'`;

/**
 * A commit that we build on has reached the disk: what is applied on one side is
 * taken out of the journal on the other.
 */
const SETTINGS = `
	SET client_min_messages = warning;
	SET jit = off;
	SELECT set_config('synchronous_commit', 'on', false)
	WHERE current_setting('synchronous_commit') = 'off'`;

/** Bytes that application_name takes. */
const NAME_BYTES = 63;

/** Opens a session of a sync, which can be told apart on the server. */
export async function openSession(address: DatabaseAddress): Promise<Client> {
	const client = await connect(address, { readOnly: false });
	const name = `cutover-migration sync ${hostname()}:${process.pid}`;
	await client.query("SELECT set_config('application_name', $1, false)", [
		name.slice(0, NAME_BYTES),
	]);
	await client.query(SETTINGS);
	// Some platforms cannot watch their clients.
	await client.query(NOTICE_A_LOST_CLIENT).catch(() => {});
	return client;
}
