import type { DomainArgs } from "@pulumi/digitalocean";
import type { Unwrap } from "@pulumi/pulumi";
import { typed } from "../base/typed";
import { during } from "./api";
import { api } from "./client";

type Args = Unwrap<DomainArgs>;

/** A zone as the API describes it. */
export interface Domain {
	name: string;
	ttl: number;
	zone_file: string;
}

/** What resource and functions tell of a zone alike. */
export function describeDomain(domain: Domain) {
	return {
		name: domain.name,
		domainUrn: `do:domain:${domain.name}`,
		ttl: domain.ttl,
	};
}

type State = ReturnType<typeof describeDomain> & Pick<Args, "ipAddress">;

/** `digitalocean:index/domain:Domain` */
export const domain = typed<Args, State>({
	replaces: () => true,
	writeOnly: ["ipAddress"],
	async create(args) {
		await during(
			"Error creating Domain",
			api().request("POST", "/v2/domains", {
				name: args.name,
				...(args.ipAddress ? { ip_address: args.ipAddress } : {}),
			}),
		);
		const { domain } = await during(
			"Error retrieving domain",
			api().get<{ domain: Domain }>(`/v2/domains/${args.name}`),
		);
		return {
			id: domain.name,
			outputs: { ...describeDomain(domain), ipAddress: args.ipAddress },
		};
	},
	async read(id, state) {
		const found = await during(
			"Error retrieving domain",
			api().find<{ domain: Domain }>(`/v2/domains/${id}`),
		);
		return (
			found && {
				id: found.domain.name,
				outputs: {
					...describeDomain(found.domain),
					ipAddress: state.ipAddress,
				},
			}
		);
	},
	async delete(id) {
		await during(
			"Error deleting Domain",
			api().request("DELETE", `/v2/domains/${id}`),
		);
	},
});
