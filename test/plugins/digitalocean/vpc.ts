import type { VpcArgs } from "@pulumi/digitalocean";
import type { Unwrap } from "@pulumi/pulumi";
import { until } from "../base/poll";
import { typed } from "../base/typed";
import { ApiError, during } from "./api";
import { api } from "./client";

type Args = Unwrap<VpcArgs>;

interface Vpc {
	id: string;
	urn: string;
	name: string;
	description: string;
	region: string;
	ip_range: string;
	default: boolean;
	created_at: string;
}

/** Longest wait for a VPC to be empty, by the official provider. */
const DELETE_SECONDS = 120;

/** Outputs of a VPC as the API describes it. */
export function vpcOutputs(vpc: Vpc) {
	return {
		name: vpc.name,
		region: vpc.region,
		description: vpc.description,
		ipRange: vpc.ip_range,
		vpcUrn: vpc.urn,
		default: vpc.default,
		createdAt: goTime(vpc.created_at),
	};
}

type State = ReturnType<typeof vpcOutputs>;

/** A time as Go's Time.String() prints it in UTC, which the official provider stores. */
function goTime(iso: string): string {
	const [date, time] = new Date(iso).toISOString().split("T");
	return `${date} ${time?.replace(/\.?0*Z$/, "")} +0000 UTC`;
}

async function get(id: string): Promise<State> {
	const { vpc } = await api().get<{ vpc: Vpc }>(`/v2/vpcs/${id}`);
	return vpcOutputs(vpc);
}

/** `digitalocean:index/vpc:Vpc` */
export const vpc = typed<Args, State>({
	async create(args) {
		const { vpc } = await during(
			"Error creating VPC",
			api().request<{ vpc: Vpc }>("POST", "/v2/vpcs", {
				name: args.name,
				region: args.region,
				...(args.description ? { description: args.description } : {}),
				...(args.ipRange ? { ip_range: args.ipRange } : {}),
			}),
		);
		return {
			id: vpc.id,
			outputs: await during("Error reading VPC", get(vpc.id)),
		};
	},
	async read(id) {
		const found = await during(
			"Error reading VPC",
			api().find<{ vpc: Vpc }>(`/v2/vpcs/${id}`),
		);
		return found && { id: found.vpc.id, outputs: vpcOutputs(found.vpc) };
	},
	async update(id, olds, news) {
		await during(
			"Error updating VPC ",
			api().request("PUT", `/v2/vpcs/${id}`, {
				name: news.name,
				description: news.description ?? "",
				default: olds.default,
			}),
		);
		return during("Error reading VPC", get(id));
	},
	async delete(id, _state, { signal }) {
		// Members leave after their own deletion was answered.
		let refusal = "";
		await until(
			async () => {
				try {
					await api().request("DELETE", `/v2/vpcs/${id}`);
					return true;
				} catch (error) {
					if (
						error instanceof ApiError &&
						(error.status === 403 || error.status === 409)
					) {
						refusal = error.message;
						return undefined;
					}
					throw new Error(
						`Error deleting VPC: ${error instanceof Error ? error.message : error}`,
					);
				}
			},
			{
				what: () => `the VPC to be empty: ${refusal}`,
				seconds: DELETE_SECONDS,
				signal,
			},
		);
	},
});
