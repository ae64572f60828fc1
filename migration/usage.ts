/** What `migrate --help` prints. */
export const USAGE = `usage: migrate COMMAND [options]

  probe      look at both databases and say what stands in the way
  copy       fill an empty database: schema, rows, indexes, keys, sequences
  sync       journal the source's writes, copy, and follow until the target has caught up
  export     write one consistent picture of the source into --dir
  users      move the source's users, or the export's, to Stack Auth; note old and new ids on the target
  import     load the export into the target, all or nothing
  verify     compare source and target, or the export in --dir and the target
  freeze     close the source to all writes
  unfreeze   open it again
  received   which messages of sensors the source holds, by a query of the product's
  watch      look at a frozen source until SIGTERM or SIGINT: barrier, writes, who still uses it
  session    run the commands that come on standard input, a line of JSON each: {"id", "arguments", "environment"}
  heartbeat  tell the monitor at HEARTBEAT_URL every 20 s whether the target answers, until SIGTERM or SIGINT

  --source URL          or SOURCE_DATABASE_URL; its authority in SOURCE_DATABASE_CA (PEM)
  --target URL          or TARGET_DATABASE_URL; its authority in TARGET_DATABASE_CA (PEM)
  --dir DIR             directory of the export
  --dry-run             look and say what would happen, change nothing
  --json                end with one line of JSON on standard output
  --environment-stdin   read further environment variables from standard input, as one JSON object
  --exclude TABLE       leave a table behind (may be repeated)
  --mapping NAME        the target has another schema: go by this mapping
  --accept-rejects T:R  leave rows of table T behind whose reason is R, as the report words it (may be repeated)
  --user-column T.C     a column that holds user ids without a foreign key saying so (may be repeated)
  --resume              export: take up one of a source that is frozen since before it began
  --prove               export: restore it into a database made for that in the same cluster, verify and drop that; made by PROOF_DATABASE_URL's role, where the source's may not
  --with-user-map       import: put back the user map that an export of the new system holds
  --create-schema       import: make the tables first, in an empty database
  --replace             import, sync: remove rows of the target that are neither seeds nor an earlier run's
  --allow-unmapped      import: load though some users have no decision in the user map
  --reset-passwords     users: carry no password hashes
  --oauth-provider OLD=NEW  users: the new project's name of a provider, where it has another (may be repeated)
  --anonymous-users W, --deleted-users W, --sso-users W  users: skip (default) or create
  --send-resets         users: move nobody, but mail those without a password a link to choose one
  --reset-url URL       users: the new application's page for that, behind --send-resets
  --resets-per-hour N   users: mails an hour (default 200, Stack Auth's for new projects)
  --jobs N              copy, verify, export, import: tables, parts of tables or indexes at a time (default: as many as there are processors, 2 at least)
  --proof               copy, sync: digest every table on both sides as well, and compare
  --concurrency N       users: requests at a time (default 8)
  --limit N             verify: differing rows to name in a table (default 20)
  --show-values         verify: show the values that differ, not only of what kind they are
  --schema              verify: indexes and constraints that the target lacks are differences too
  --since-baseline      verify: after freeze and drain, compare only what was written since the proof of a sync
  --returned            verify: after sync --reverse --drain, count rows without a way back apart; they are no differences
  --repair              verify: make the target's differing rows as the source's, then verify them again
  --follow              sync: go on until SIGTERM or SIGINT
  --drain               sync: of a frozen source, until nothing is left; sets sequences, puts triggers and keys back
                        freeze: all of a freeze: barrier, last users, drain, proof; opens again if any of it fails
  --validate            sync: look at the rows of foreign keys that drain put back unchecked
  --remove              sync: take the journal and its state away; rows stay until a sync begins again
  --reverse             sync: the way back. Alone: notes what the target takes from now on; with --drain: of a frozen target, brings it to the source
                        users: makes those who signed up in the new system in the old one, under the same id
  --recopy TABLE        sync: bring a table again as a whole, as it is now (may be repeated)
  --metrics-port N      sync --follow, watch: metrics for Prometheus at /metrics
  --metrics-host HOST   sync --follow, watch: the address that they are served on (default 127.0.0.1)
  --metrics-dir DIR     copy, sync, users, freeze --drain, verify, export: write STEP.prom there for node exporter (default /var/lib/cutover/metrics, where it is)
  --patience SEC        sync: how long to try to reach a database that is gone (default 600)
  --query SQL           received: gives dev_eui and received_at of what came in from $1 on
  --since TIME          received: $1, as RFC 3339
  --max-freeze SEC      freeze: open again by itself after this time (default: stay closed; needed for --drain)
  --cancel-writers      freeze: after --lock-timeout, roll back who is in the way, and try once more
  --keep                freeze: take the deadline off a freeze that has held, before traffic goes elsewhere
  --renew SEC           freeze: give a freeze that stands a new deadline
  --state               freeze, sync: say how it stands, change nothing
  --lock-timeout SEC    freeze, unfreeze, export, import, sync, verify --repair: how long to wait for others (default 30)

Stack Auth: STACK_AUTH_API_URL, STACK_AUTH_PROJECT_ID, STACK_AUTH_SECRET_SERVER_KEY
exit: 0 done or equal, 2 bad input, 3 differences, 4 refused by a guard, 1 anything else
`;
