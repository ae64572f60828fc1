import { z } from "zod";
import { type Check, expect } from "../check";
import { remote } from "../ssh";
import { waitFor } from "../wait";
import type { Place, Site } from "./site";

const inspected = z.object({
	Spec: z.object({
		Name: z.string(),
		TaskTemplate: z.object({
			ContainerSpec: z.object({
				Secrets: z.array(z.unknown()).nullish(),
				Healthcheck: z.unknown().optional(),
			}),
			Resources: z
				.object({
					Limits: z
						.object({
							NanoCPUs: z.number().optional(),
							MemoryBytes: z.number().optional(),
						})
						.optional(),
				})
				.optional(),
		}),
	}),
});

/**
 * Every Swarm service runs as many healthy tasks as wanted.
 *
 * @param options.timeoutMs how long to wait for those that still start.
 * @param options.except services that are not looked at.
 */
export function servicesRun(
	site: Place,
	{
		timeoutMs = 60_000,
		except = [],
	}: { timeoutMs?: number; except?: string[] } = {},
): Check {
	return {
		name: "services run",
		lookAt: "docker service ls and docker service ps NAME on the Droplet",
		run: () =>
			waitFor(
				"every service at its wanted number of tasks",
				async () => {
					const services = (await listServices(site)).filter(
						({ name }) => !except.includes(name),
					);
					expect(services.length > 0, "no service exists");
					const short = services.filter(
						({ running, wanted }) => running !== wanted,
					);
					expect(
						short.length === 0,
						`not complete: ${short.map(({ name, running, wanted }) => `${name} ${running}/${wanted}`).join(", ")}`,
					);
					return `${services.length} services complete`;
				},
				{ timeoutMs, intervalMs: 1_000 },
			),
	};
}

/** Nothing follows the source any more: the new system's rows are the users' own. */
export function followerStopped(site: Place): Check {
	return {
		name: "follower stopped",
		lookAt: "docker service ps follower on the Droplet, and cutover:freeze",
		async run() {
			const follower = (await listServices(site)).find(
				({ name }) => name === "follower",
			);
			expect(
				!follower || follower.running + follower.wanted === 0,
				`it runs: ${follower?.running}/${follower?.wanted}`,
			);
			return follower ? "no task, none wanted" : "no such service";
		},
	};
}

interface ServiceState {
	name: string;
	/** Tasks. */
	running: number;
	wanted: number;
}

async function listServices(site: Place): Promise<ServiceState[]> {
	const list = await remote(
		site.outputs.ssh,
		"docker service ls --format '{{.Name}} {{.Replicas}}'",
	);
	return list
		.trim()
		.split("\n")
		.filter(Boolean)
		.map((line) => {
			const [, name = line, running = 0, wanted = 1] =
				line.match(/^(\S+) (\d+)\/(\d+)/) ?? [];
			return { name, running: Number(running), wanted: Number(wanted) };
		});
}

/** Every service has a limit on memory and processor, and a health check. */
export function servicesLimited(site: Site): Check {
	return {
		name: "limits and health checks",
		lookAt: "infra/services/*.ts",
		async run() {
			const text = await remote(
				site.outputs.ssh,
				"docker service inspect $(docker service ls -q)",
			);
			const services = z.array(inspected).parse(JSON.parse(text));
			const bare = services.filter(({ Spec: { TaskTemplate } }) => {
				const limits = TaskTemplate.Resources?.Limits;
				return !(
					limits?.MemoryBytes &&
					limits.NanoCPUs &&
					TaskTemplate.ContainerSpec.Healthcheck
				);
			});
			expect(
				bare.length === 0,
				`without: ${bare.map(({ Spec }) => Spec.Name).join(", ")}`,
			);
			return `${services.length} services`;
		},
	};
}

/** The backend's secrets are there as files with content. */
export function secretsPresent(site: Site): Check {
	return {
		name: "secrets present",
		lookAt: "pulumi config and infra/secrets.ts",
		async run() {
			const list = await remote(
				site.outputs.ssh,
				`docker exec $(docker ps -q -f label=com.docker.swarm.service.name=backend | head -1) sh -c 'for f in /run/secrets/*; do test -s "$f" || echo "empty $f"; done; ls /run/secrets | wc -l'`,
			);
			expect(!list.includes("empty"), list.trim());
			expect(Number(list.trim()) > 0, "no secret in the backend");
			return `${list.trim()} files, none empty`;
		},
	};
}
