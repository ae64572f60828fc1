import { local, remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { connection, secretJson, within } from "../remote";
import type { Server } from "../server";
import { versionOf } from "../services/backend";
import type { Service } from "../services/service";
import type { Settings } from "../settings";

export interface ValidationArgs {
	server: Server;
	settings: Settings;
	services: { service: Service }[];
	/** Reserved IP and host name that are asked. */
	address: pulumi.Output<string>;
	apiHostname: string;
}

/**
 * Proof that what was deployed runs: every service at its wanted number of
 * healthy tasks, on the image just deployed and not rolled back; then /health
 * by host name at the new address, over verified TLS, before any name leads
 * there. Runs again whenever a service changes. A service that does not get
 * there is told with its failing tasks and the end of their log, as soon as the
 * Swarm has rolled it back.
 */
export class Validation extends pulumi.ComponentResource {
	readonly healthy: pulumi.Resource;

	constructor(
		name: string,
		args: ValidationArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("cutover:infra:Validation", name, {}, opts);
		const { manager } = args.server;
		const services = args.services.map(({ service }) => service);
		const deployed = services.map(({ fingerprint }) => fingerprint);
		const expected = services.map(({ service, replicas, image }) =>
			service.name.apply((label) => `${label} ${replicas} ${image}\n`),
		);
		const running = new remote.Command(
			`${name}-deploy`,
			{
				connection: connection(manager.ssh),
				// The script goes in by standard input: a failed command is printed
				// whole, and before what it found.
				create: "sh -s",
				stdin: pulumi.all(expected).apply(validateScript),
				triggers: deployed,
				addPreviousOutputInEnv: false,
			},
			{
				parent: this,
				dependsOn: services.map(({ service }) => service),
				...within(manager.droplet),
			},
		);
		this.healthy = new local.Command(
			`${name}-health`,
			{
				create: "node --import tsx cutover/health-by-name.ts",
				stdin: secretJson({
					address: args.address,
					hostname: args.apiHostname,
					version: versionOf(args.settings.images.backend),
				}),
				triggers: deployed,
				addPreviousOutputInEnv: false,
			},
			{
				parent: this,
				dependsOn: [running, args.server.addressAssigned],
			},
		);
		this.registerOutputs({});
	}
}

/**
 * Looks at one service after the other.
 *
 * The engine itself ends an update, as completed, rolled back or paused; where it
 * has not begun one yet, the tasks are still made of something else than their
 * service. The wait only bounds what it leaves open: a new service that never
 * gets healthy, and a task for which there is no room. Three minutes, and half a
 * one for each task, which follow each other in an update.
 *
 * @param expected "name replicas image" and a newline each.
 */
function validateScript(expected: string[]): string {
	return `of_service() { docker service inspect --format "$1" "$name"; }

# Whether its tasks are made of what the service is made of now.
are_new() {
	tasks=$(docker service ps -q --no-trunc --filter desired-state=running "$name")
	[ -z "$tasks" ] || [ "$(docker inspect --type task --format '{{json .Spec.ContainerSpec}} {{json .Spec.Resources}}' $tasks | sort -u)" = \
		"$(of_service '{{json .Spec.TaskTemplate.ContainerSpec}} {{json .Spec.TaskTemplate.Resources}}')" ]
}

# Sets found: "as it should be", or why it is not.
wait_for_service() {
	end=$(($(date +%s) + 180 + 30 * replicas))
	while [ "$(date +%s)" -lt $end ]; do
		state=$(of_service '{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}')
		running=$(docker service ls --filter "name=$name" --format '{{.Name}} {{.Replicas}}' | sed -n "s|^$name \\([^ ]*\\).*|\\1|p")
		case $state in
		rollback_completed | rollback_paused | paused)
			found="$state: $(of_service '{{.UpdateStatus.Message}}'), $running run"
			return ;;
		'' | completed)
			if [ "$running" = "$replicas/$replicas" ] && { [ -n "$state" ] || are_new; }; then
				found="as it should be"
				return
			fi ;;
		esac
		sleep 1
	done
	found="not within $((180 + 30 * replicas)) s: $running run"
}

# The newest tasks that do not run as they should, and the end of the newest one's log.
tell() {
	printf '%s\n   expected %s healthy tasks of %s\n   found    %s\n' "$name" "$replicas" "$image" "$1"
	failing=$(docker inspect --type task --format '{{.CreatedAt}}|{{.ID}}|{{.Slot}}|{{.DesiredState}}|{{.Status.State}}|{{.Spec.ContainerSpec.Image}}|{{.Status.Err}} {{.Status.Message}}' \
		$(docker service ps -q --no-trunc "$name") | sort -r |
		awk -F'|' '$5 ~ /^(failed|rejected|complete|orphaned)$/ || ($4 != "shutdown" && $4 != "remove" && $5 != "running")' | head -n 3)
	echo "$failing" | awk -F'|' 'NF { printf "            task %s.%s of %s: %s: %s\n", name, $3, $6, $5, $7 }' name="$name"
	task=$(echo "$failing" | head -n 1 | cut -d'|' -f2)
	if [ -n "$task" ]; then
		echo "            the end of the first one's log:"
		timeout 20 docker service logs --raw --tail 20 "$task" 2>&1 | sed 's/^/              /'
	fi
	echo "   to do    mend the image or name another one in cutover:images, then pulumi up; docker service ps $name"
}

failed=0
while read -r name replicas image; do
	wait_for_service
	deployed=$(of_service '{{.Spec.TaskTemplate.ContainerSpec.Image}}')
	case "$found|$deployed" in
	"as it should be|$image" | "as it should be|$image@"*) echo "$name $running $deployed" ;;
	"as it should be|"*) tell "$running of $deployed" >&2; failed=1 ;;
	*) tell "$found" >&2; failed=1 ;;
	esac
done <<'END'
${expected.join("")}END
exit $failed
`;
}
