import { z } from "zod";
import { type Check, expect } from "../check";
import { remote } from "../ssh";
import type { Site } from "./site";

/** Failures of one of a service's places lately that are no loop: what it needs may have started late. */
const mostFailures = 2;
/** Seconds. */
const lately = 600;

const task = z.object({
	ServiceID: z.string(),
	/** The place of a replica; none where a service runs once on each machine. */
	Slot: z.number().default(0),
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
	const failed = tasks.filter(
		({ Status: { State, Timestamp } }) =>
			(State === "failed" || State === "rejected") && Timestamp >= since,
	);
	const crashing = services.flatMap(({ id, name }) => {
		const own = failed.filter(({ ServiceID }) => ServiceID === id);
		const most = Math.max(
			...own.map(({ Slot }) => own.filter((one) => one.Slot === Slot).length),
		);
		const why = own[0]?.Status.Err ?? "no reason given";
		return most > mostFailures ? [`${name} failed ${most} times (${why})`] : [];
	});
	expect(
		crashing.length === 0,
		`within ${lately / 60} minutes ${crashing.join(", ")}`,
	);
	const lines = services.reduce((sum, service) => sum + service.lines, 0);
	return `${services.length} services, ${lines} last lines read`;
}
