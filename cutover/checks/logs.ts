import { z } from "zod";
import { type Check, expect } from "../check";
import { remote } from "../ssh";
import type { Site } from "./site";

/** Tasks of one service that may have failed lately: a dependency may have started late. */
const mostFailures = 2;
/** Seconds. */
const lately = 600;

const task = z.object({
	ServiceID: z.string(),
	Status: z.object({
		State: z.string(),
		Timestamp: z.string().transform((text) => Date.parse(text)),
		Err: z.string().optional(),
	}),
});

/**
 * First line: the Droplet's time in seconds. Then a line a service, "id name
 * lines", −1 where its log cannot be read; then its tasks as JSON.
 */
const script = `date +%s
for id in $(docker service ls -q); do
	name=$(docker service inspect --format '{{.Spec.Name}}' "$id")
	if text=$(timeout 30 docker service logs --tail 20 "$id" 2>&1); then lines=$(printf '%s' "$text" | grep -c ''); else lines=-1; fi
	echo "$(docker service inspect --format '{{.ID}}' "$id") $name $lines"
done
tasks=$(docker service ls -q | xargs -r docker service ps -q --no-trunc)
[ -n "$tasks" ] && docker inspect --type task $tasks || echo '[]'`;

/** Every service's log can be read, and none keeps starting anew. */
export function logsReadable(site: Site): Check {
	return {
		name: "logs readable, no crash loop",
		lookAt:
			"docker service logs NAME and docker service ps NAME on the Droplet",
		run: async () => readLogs(await remote(site.outputs.ssh, script)),
	};
}

/** @throws Error naming services whose log cannot be read or that crash. */
export function readLogs(text: string): string {
	const [time = "", ...rest] = text.split("\n");
	const json = rest.findIndex((line) => line.startsWith("["));
	const services = rest.slice(0, json).map((line) => {
		const [id = "", name = "", lines = "-1"] = line.split(" ");
		return { id, name, lines: Number(lines) };
	});
	expect(services.length > 0, "no service exists");
	const mute = services.filter(({ lines }) => lines < 0);
	expect(
		mute.length === 0,
		`no log of ${mute.map(({ name }) => name).join(", ")}`,
	);
	const tasks = z.array(task).parse(JSON.parse(rest.slice(json).join("\n")));
	const since = (Number(time) - lately) * 1000;
	const crashing = services.flatMap(({ id, name }) => {
		const failed = tasks.filter(
			({ ServiceID, Status: { State, Timestamp } }) =>
				ServiceID === id &&
				(State === "failed" || State === "rejected") &&
				Timestamp >= since,
		);
		const why = failed.at(0)?.Status.Err ?? "no reason given";
		return failed.length > mostFailures
			? [`${name} failed ${failed.length} times (${why})`]
			: [];
	});
	expect(
		crashing.length === 0,
		`within ${lately / 60} minutes ${crashing.join(", ")}`,
	);
	const lines = services.reduce((sum, service) => sum + service.lines, 0);
	return `${services.length} services, ${lines} last lines read`;
}
