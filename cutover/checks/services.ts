import { z } from "zod";
import { type Check, expect } from "../check";
import { remote } from "../ssh";
import { waitFor } from "../wait";
import type { Site } from "./site";

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

/** Every Swarm service runs as many healthy tasks as wanted. */
export function servicesRun(site: Site): Check {
	return {
		name: "services run",
		lookAt: "docker service ls and docker service ps NAME on the Droplet",
		run: () =>
			waitFor(
				"every service at its wanted number of tasks",
				async () => {
					const list = await remote(
						site.outputs.ssh,
						"docker service ls --format '{{.Name}} {{.Replicas}}'",
					);
					const services = list.trim().split("\n").filter(Boolean);
					expect(services.length > 0, "no service exists");
					const short = services.filter((line) => {
						const [running, wanted] = (line.match(/\d+\/\d+/)?.[0] ?? "0/1")
							.split("/")
							.map(Number);
						return running !== wanted;
					});
					expect(short.length === 0, `not complete: ${short.join(", ")}`);
					return `${services.length} services complete`;
				},
				{ timeoutMs: 60_000, intervalMs: 1_000 },
			),
	};
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
