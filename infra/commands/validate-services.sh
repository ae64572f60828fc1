# Looks at one service after the other; $services has "name tasks image" a line.
# Ends with 1 where one is not as it should be, and says on standard error why.
#
# The engine itself ends an update: completed, rolled back or paused. Where it has
# not begun one yet, the tasks are still made of something else than their service.
# The wait only bounds what it leaves open: a new service that never gets healthy,
# a task for which there is no room. Three minutes, and half a one for each task,
# which follow each other in an update.

of_service() { docker service inspect --format "$1" "$name"; }

# Whether its tasks are made of what the service is made of now.
are_new() {
	tasks=$(docker service ps -q --no-trunc --filter desired-state=running "$name")
	[ -z "$tasks" ] && return
	made=$(docker inspect --type task --format '{{json .Spec.ContainerSpec}} {{json .Spec.Resources}}' $tasks | sort -u)
	[ "$made" = "$(of_service '{{json .Spec.TaskTemplate.ContainerSpec}} {{json .Spec.TaskTemplate.Resources}}')" ]
}

# Sets found: "as it should be", or why it is not.
wait_for_service() {
	seconds=$((180 + 30 * wanted))
	end=$(($(date +%s) + seconds))
	while [ "$(date +%s)" -lt $end ]; do
		state=$(of_service '{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}')
		running=$(docker service ls --filter "name=$name" --format '{{.Name}} {{.Replicas}}' | sed -n "s|^$name \([^ ]*\).*|\1|p")
		case $state in
		rollback_completed)
			found="the update was rolled back, $running run as before"
			return
			;;
		rollback_paused | paused)
			found="$state: $(of_service '{{.UpdateStatus.Message}}'), $running run"
			return
			;;
		'' | completed)
			if [ "$running" = "$wanted/$wanted" ] && { [ -n "$state" ] || are_new; }; then
				found="as it should be"
				return
			fi
			;;
		esac
		sleep 1
	done
	found="not within $seconds s: $running run"
}

# The newest tasks that do not run as they should, and the end of the newest one's log.
tell() {
	printf '%s\n   expected %s healthy tasks of %s\n   found    %s\n' "$name" "$wanted" "$image" "$1"
	failing=$(docker inspect --type task --format '{{.CreatedAt}}|{{.ID}}|{{or .Slot .NodeID}}|{{.DesiredState}}|{{.Status.State}}|{{.Spec.ContainerSpec.Image}}|{{.Status.Message}} {{.Status.Err}}' \
		$(docker service ps -q --no-trunc "$name") | sort -r |
		awk -F'|' '$5 ~ /^(failed|rejected|complete|orphaned)$/ || ($4 ~ /^(ready|running)$/ && $5 != "running")' | head -n 3)
	echo "$failing" | awk -F'|' -v name="$name" 'NF { printf "            task %s.%s of %s: %s: %s\n", name, $3, $6, $5, $7 }'
	task=$(echo "$failing" | head -n 1 | cut -d'|' -f2)
	if [ -n "$task" ]; then
		echo "            the end of the first one's log:"
		timeout 20 docker service logs --raw --tail 20 "$task" 2>&1 | sed 's/^/              /'
	fi
	echo "   to do    mend the image, or name another one in cutover:images; then pulumi up"
}

failed=0
while read -r name wanted image; do
	wait_for_service
	deployed=$(of_service '{{.Spec.TaskTemplate.ContainerSpec.Image}}')
	case "$found|$deployed" in
	"as it should be|$image" | "as it should be|$image@"*) echo "$name $running $deployed" ;;
	"as it should be|"*) tell "$running of $deployed" >&2; failed=1 ;;
	*) tell "$found" >&2; failed=1 ;;
	esac
done <<END
$services
END
exit $failed
