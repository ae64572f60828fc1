import type { Rehearsal } from "./rehearsal";

/** What a person needs to look around in a rehearsal that stays up. */
export function keptText(rehearsal: Rehearsal): string {
	const { outputs } = rehearsal.site("production");
	const { carried, reset } = rehearsal.logins;
	const { EMULATOR_RESOLVER: resolver, ACME_ROOT_FILE: root } =
		rehearsal.environment;
	return `
Everything stays up until: npm run rehearse -- --down

  names      ${Object.values(outputs.hostnames).join(", ")}
  ask them   dig @${resolver?.split(":")[0]} ${outputs.domain}
  new home   ${outputs.reservedIp} (Droplet ${outputs.dropletAddresses.join(", ")}), old ${outputs.legacyAddress}
  page       curl --cacert ${root} --resolve ${outputs.domain}:443:${outputs.reservedIp} https://${outputs.domain}/
  log-ins    ${carried.email} / ${carried.password} (hash carried)
             ${reset.email} / ${reset.password} (asked to reset)
  pulumi     cd ${rehearsal.folder} && . ./env.sh && pulumi up -s production
  logs       ${rehearsal.logs}
`;
}
