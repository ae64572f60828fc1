import type { SecretArgs, ServiceConfigArgs } from "@pulumi/docker";
import type { Unwrap } from "@pulumi/pulumi";
import type { Failure } from "../base/schema";
import { typed } from "../base/typed";
import { engine } from "./client";
import { type Label, labelList, labelMap } from "./labels";

type SecretInputs = Unwrap<SecretArgs>;
type ConfigInputs = Unwrap<ServiceConfigArgs>;

interface Stored {
	ID: string;
	Spec: { Name: string; Labels: Record<string, string> | null; Data?: string };
}

function createRequest(
	args: { name?: string; labels?: Label[] },
	data: string,
) {
	return { Name: args.name, Labels: labelMap(args.labels), Data: data };
}

function checkBase64(property: string, data: unknown): Failure[] {
	const valid =
		typeof data !== "string" ||
		Buffer.from(data, "base64").toString("base64") === data;
	return valid
		? []
		: [{ property, reason: "is not base64 decodeable: illegal base64 data" }];
}

interface SecretState {
	name: string;
	data: string;
	labels: Label[] | undefined;
}

/**
 * `docker:index/secret:Secret`. The engine never gives the data back, so the
 * state keeps it, encrypted.
 */
export const secret = typed<SecretInputs, SecretState>({
	sets: ["labels"],
	writeOnly: ["data", "labels"],
	replaces: () => true,
	check: (args) => checkBase64("data", args.data),
	async create(args) {
		const { ID } = await engine().post<{ ID: string }>(
			"/secrets/create",
			createRequest(args, args.data),
		);
		return {
			id: ID,
			outputs: {
				name: args.name ?? "",
				data: args.data,
				labels: args.labels,
			},
		};
	},
	async read(id, state) {
		const found = await engine().find<Stored>(`/secrets/${id}`);
		return (
			found && {
				id: found.ID,
				outputs: {
					name: found.Spec.Name,
					data: state.data ?? "",
					labels: state.labels,
				},
			}
		);
	},
	async delete(id) {
		await engine().delete(`/secrets/${id}`);
	},
});

function configOutputs(stored: Stored, raw: boolean) {
	const data = stored.Spec.Data ?? "";
	return {
		name: stored.Spec.Name,
		labels: labelList(stored.Spec.Labels),
		...(raw
			? { dataRaw: Buffer.from(data, "base64").toString("utf8") }
			: { data }),
	};
}

type ConfigState = ReturnType<typeof configOutputs>;

/** `docker:index/serviceConfig:ServiceConfig` */
export const serviceConfig = typed<ConfigInputs, ConfigState>({
	sets: ["labels"],
	replaces: () => true,
	check: (args) => checkBase64("data", args.data),
	async create(args) {
		const data =
			args.dataRaw === undefined
				? (args.data ?? "")
				: Buffer.from(args.dataRaw).toString("base64");
		const { ID } = await engine().post<{ ID: string }>(
			"/configs/create",
			createRequest(args, data),
		);
		const stored = await engine().get<Stored>(`/configs/${ID}`);
		return {
			id: ID,
			outputs: configOutputs(stored, args.dataRaw !== undefined),
		};
	},
	async read(id, state) {
		const found = await engine().find<Stored>(`/configs/${id}`);
		const raw = "dataRaw" in state && state.dataRaw !== undefined;
		return found && { id: found.ID, outputs: configOutputs(found, raw) };
	},
	async delete(id) {
		await engine().delete(`/configs/${id}`);
	},
});
