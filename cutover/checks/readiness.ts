import { z } from "zod";
import { type Check, expect } from "../check";
import { now } from "../clock";
import { http } from "../http";
import { sentNotices } from "../notices";
import { remote } from "../ssh";
import { mostTtl, observeTtl } from "../ttl";
import type { Place, Site } from "./site";

const hour = 3_600_000;

const side = z.object({ version: z.string() });
const probed = z.object({ source: side, target: side });
const planned = z.object({
	dryRun: z.boolean(),
	rows: z.number(),
	tables: z.number(),
});

/** The Droplet answers over ssh with its pinned host key and is a Swarm manager. */
export function dropletReady(site: Site): Check {
	return {
		name: "Droplet ready",
		lookAt: "cloud-init status --long on the Droplet",
		async run() {
			const state = await remote(
				site.outputs.ssh,
				"cloud-init status | head -1; docker info --format '{{.Swarm.LocalNodeState}} {{.ServerVersion}}'",
			);
			expect(state.includes("done"), `cloud-init: ${state.trim()}`);
			expect(state.includes("active"), `Swarm: ${state.trim()}`);
			return state.trim().split("\n").join(", ");
		},
	};
}

/** Both databases take a connection from the Droplet; the new one fully verified. */
export function databasesReachable(site: Site): Check {
	return {
		name: "databases over TLS",
		lookAt: "infra/database.ts and cutover:sourceDatabaseUrl",
		async run() {
			expect(
				new URL(site.outputs.database.url).searchParams.get("sslmode") ===
					"verify-full",
				"the database URL does not ask for full verification",
			);
			const { exitCode, result } = await site.migrate("probe");
			expect(exitCode === 0, `in the way: ${JSON.stringify(result.obstacles)}`);
			const { source, target } = probed.parse(result);
			return `source ${source.version}, target ${target.version} verified in full`;
		},
	};
}

/** The export, which is what a return begins with, says what it would hold, and touches nothing. */
export function dryRun(site: Site): Check {
	return {
		name: "export, dry run",
		lookAt: "npm run migrate -- export --dry-run",
		async run() {
			const { exitCode, result } = await site.migrate(
				...["export", "--dry-run", "--dir", "/var/lib/cutover/dry-run"],
			);
			const { dryRun, rows, tables } = planned.parse(result);
			expect(exitCode === 0 && dryRun, "not a clean dry run");
			return `${rows} rows in ${tables} tables planned, nothing touched`;
		},
	};
}

/**
 * The zone's servers have answered a low TTL for 48 hours.
 *
 * @param most seconds.
 */
export function ttlLowered(site: Place, most = mostTtl): Check {
	return {
		name: "DNS TTL lowered 48 h ago",
		lookAt: `cutover:dnsTtl, to be ${most} or less for 48 h after its pulumi up; since when stands in evidence/${site.stack}/ttl.json`,
		async run() {
			const { domain, hostnames } = site.outputs;
			const { ttl, lowSince } = await observeTtl(
				site.stack,
				domain,
				Object.values(hostnames),
			);
			expect(lowSince && ttl <= most, `TTL is ${ttl} s, more than ${most} s`);
			const hours = (now().getTime() - Date.parse(lowSince)) / hour;
			expect(hours >= 48, `TTL ${ttl} s, low for ${hours.toFixed(1)} h only`);
			return `${ttl} s, low since ${lowSince}`;
		},
	};
}

/** Stack Auth accepts the server key. */
export function stackAuthReachable(site: Site): Check {
	return {
		name: "Stack Auth accepts the credentials",
		lookAt: "cutover:stackAuth and cutover:stackAuthSecretServerKey",
		async run() {
			const { apiUrl, projectId } = JSON.parse(
				site.config.stackAuth ?? "{}",
			) as { apiUrl: string; projectId: string };
			const answer = await http(`${apiUrl}/api/v1/users?limit=1`, {
				headers: {
					"x-stack-access-type": "server",
					"x-stack-project-id": projectId,
					"x-stack-secret-server-key":
						site.config.stackAuthSecretServerKey ?? "",
				},
			});
			expect(answer.status === 200, `answered ${answer.status}`);
			return `project ${projectId}`;
		},
	};
}

/** Users were told between 24 and 48 hours ago. */
export function noticeSent(site: Site): Check {
	return {
		name: "notice sent 24–48 h before",
		lookAt: "evidence/<stack>/notices.json",
		async run() {
			const notice = (await sentNotices(site.stack)).findLast(
				({ kind }) => kind === "before",
			);
			expect(notice, "no notice was sent");
			const hours = (now().getTime() - Date.parse(notice.at)) / hour;
			expect(hours >= 24 && hours <= 48, `sent ${hours.toFixed(1)} h ago`);
			return `${notice.messageId}, ${hours.toFixed(1)} h ago`;
		},
	};
}

/** Somebody is named whom to call. */
export function contactsNamed(site: Site): Check {
	return {
		name: "contacts named",
		lookAt: "cutover:notices in the stack's configuration",
		async run() {
			const notices = JSON.parse(site.config.notices ?? "{}") as {
				from?: string;
				contacts?: string[];
			};
			expect(notices.contacts?.length, "cutover:notices names no contacts");
			return notices.contacts.join(", ");
		},
	};
}
