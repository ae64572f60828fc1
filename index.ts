import * as pulumi from "@pulumi/pulumi";
import { releaseOf } from "./cutover/release";
import { Certificates } from "./infra/certificates";
import { Announcements } from "./infra/commands/announce";
import { nameManualRepoints } from "./infra/commands/manual-repoints";
import { Migration, validateKeys } from "./infra/commands/migration";
import { prepareRollback } from "./infra/commands/rollback";
import { applySchema } from "./infra/commands/schema";
import { SourceServices } from "./infra/commands/source-services";
import { turnSwitch } from "./infra/commands/switch";
import { noteUplinks, repointWebhooks } from "./infra/commands/ttn";
import { setUptimeKuma } from "./infra/commands/uptime-kuma";
import { Validation } from "./infra/commands/validation";
import { Database } from "./infra/database";
import {
	addressOf,
	awaitSettled,
	hostnamesOf,
	Records,
	recordNames,
	ttlOf,
	Zone,
} from "./infra/dns";
import { findAdoption } from "./infra/dns-adoption";
import { climb } from "./infra/ladder";
import { lastState } from "./infra/last-state";
import { Network } from "./infra/network";
import { Observability } from "./infra/observability";
import { stackOutputs } from "./infra/outputs";
import { project } from "./infra/project";
import { Secrets } from "./infra/secrets";
import { Server } from "./infra/server";
import { Backend } from "./infra/services/backend";
import { Caddy } from "./infra/services/caddy";
import { Frontend } from "./infra/services/frontend";
import { readSettings } from "./infra/settings";
import { Swarm } from "./infra/swarm";
import { Uptime } from "./infra/uptime";

export = async () => {
	const stack = pulumi.getStack();
	const settings = readSettings();
	const { domain, images, region } = settings;
	const hostnames = hostnamesOf(domain);
	const { mapping } = settings.migration;
	const release = releaseOf({ images, mapping });
	const state = await lastState();
	const ladder = await climb({ stack, settings, release, state });
	const adoption = await findAdoption(domain, recordNames, state);

	// The new home.
	const network = new Network("network", { stack, ...settings });
	const server = new Server("server", {
		stack,
		network,
		region,
		size: settings.dropletSize,
		droplets: settings.droplets,
	});
	const database = new Database("database", {
		stack,
		network,
		server,
		region,
		size: settings.databaseSize,
		version: settings.databaseVersion,
		allowDataLoss: settings.allowDataLoss,
	});
	const zone = new Zone("zone", { domain, adoption });
	const folder = project("project", {
		stack,
		urns: [
			...server.dropletUrns,
			database.cluster.clusterUrn,
			network.reservedIpUrn,
			zone.domain.domainUrn,
		],
	});
	const swarm = new Swarm("swarm", { stack, server });
	const secrets = new Secrets("secrets", { swarm, database, settings });

	// The data, as far up the ladder as the flags say.
	const schema = applySchema("schema", {
		server,
		database,
		settings,
		environment: stack,
	});
	const uplinks = noteUplinks("ttn-noted", { stack, server, settings });
	const sourceServices = new SourceServices("source", settings, {
		dependsOn: uplinks,
	});
	const migration = new Migration("migration", {
		server,
		database,
		swarm,
		secrets,
		settings,
		dependsOn: [schema],
		beforeFreeze: [...uplinks, ...sourceServices.beforeFreeze],
	});

	// The services.
	const certificates = new Certificates("certificates", {
		server,
		zone: zone.domain.name,
		hostnames: Object.values(hostnames),
		settings,
	});
	const backend = new Backend("backend", {
		swarm,
		secrets,
		settings,
		environment: stack,
		dependsOn: [schema, ...migration.steps],
	});
	const frontend = new Frontend("frontend", {
		swarm,
		image: images.frontend,
		apiHostname: hostnames.api,
	});
	const observability = new Observability("observability", {
		swarm,
		secrets,
		settings,
		database,
		hostnames,
		environment: stack,
		address: network.reservedIp,
	});
	const caddy = new Caddy("caddy", {
		swarm,
		secrets,
		settings,
		hostnames,
		dependsOn: [certificates.seeded],
	});
	const validation = new Validation("validation", {
		server,
		settings,
		services: [backend, frontend, caddy, ...observability.services],
		address: network.reservedIp,
		apiHostname: hostnames.api,
	});

	const status = {
		...{ server, secrets, settings, hostnames },
		address: network.reservedIp,
	};
	const statusPage = setUptimeKuma("status-page", {
		...status,
		dependsOn: [validation.healthy],
	});
	const announcements = new Announcements({
		...status,
		dependsOn: [statusPage],
	});

	// The names: the old address until the switch, which sees to the data first.
	const turned = turnSwitch("switch", {
		stack,
		server,
		database,
		settings,
		hostnames,
		reservedIp: network.reservedIp,
		dependsOn: [validation.healthy, certificates.seeded, ...migration.steps],
	});
	migration.followBehind(turned);
	announcements.freeze("announce-freeze", [turned]);
	const dnsAnswer = addressOf(settings, network.reservedIp);
	const records = new Records("records", {
		zone,
		address: dnsAnswer,
		ttl: ttlOf(settings),
		adoption,
		settings,
		dependsOn: [turned],
	});
	const uptime = new Uptime("uptime", {
		...{ stack, settings, hostnames },
		dependsOn: records.records,
	});
	const settled = awaitSettled("settled", {
		stack,
		settings,
		hostnames,
		address: dnsAnswer,
		dependsOn: records.records,
	});
	const webhooks = repointWebhooks("ttn", {
		stack,
		server,
		database,
		settings,
		noted: uplinks,
		apiHostname: hostnames.api,
		address: network.reservedIp,
		dependsOn: records.records,
	});
	announcements.switched("announce-switch", [settled, ...webhooks]);
	const switched = [
		...webhooks,
		...nameManualRepoints("manual-repoints", {
			settings,
			dependsOn: records.records,
		}),
		...sourceServices.closeDataApi(settings, webhooks),
	];
	const validated = validateKeys("migration-validate", {
		server,
		database,
		settings,
		dependsOn: [...records.records, ...webhooks],
	});

	// First to go in a destroy, so it depends on all that it needs.
	prepareRollback("rollback", {
		stack,
		release,
		network,
		server,
		database,
		settings,
		dependsOn: [
			...[folder, migration, settled],
			...[...records.records, ...switched, ...validated],
			...[statusPage, ...announcements.told, uptime],
		],
	});

	return stackOutputs({
		settings,
		hostnames,
		network,
		server,
		database,
		secrets,
		dnsAnswer,
		release,
		ladder,
	});
};
