import type { Context } from "../context";
import { accountRoutes } from "./account";
import { actionRoutes } from "./actions";
import { catalogRoutes } from "./catalog";
import { databaseMemberRoutes } from "./database-members";
import { databaseRoutes } from "./databases";
import { domainRoutes } from "./domains";
import { dropletActionRoutes } from "./droplet-actions";
import { dropletRoutes } from "./droplets";
import { firewallRoutes } from "./firewalls";
import { projectRoutes } from "./projects";
import { reservedIpRoutes } from "./reserved-ips";
import type { Route } from "./router";
import { sshKeyRoutes } from "./ssh-keys";
import { tagRoutes } from "./tags";
import { uptimeRoutes } from "./uptime";
import { vpcRoutes } from "./vpcs";

/** All that the emulator covers of DigitalOcean's API v2; anything else is a 404. */
export function apiRoutes(context: Context): Route[] {
	return [
		accountRoutes,
		sshKeyRoutes,
		catalogRoutes,
		actionRoutes,
		vpcRoutes,
		dropletRoutes,
		dropletActionRoutes,
		firewallRoutes,
		reservedIpRoutes,
		projectRoutes,
		tagRoutes,
		domainRoutes,
		databaseRoutes,
		databaseMemberRoutes,
		uptimeRoutes,
	].flatMap((routes) => routes(context));
}
