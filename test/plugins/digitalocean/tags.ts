import { api } from "./client";

/**
 * Gives a resource the tags it should have and takes the others away.
 *
 * @param type the API's name of the kind: `droplet`, `database`
 */
export async function setTags(
	type: string,
	id: string,
	olds: readonly string[],
	news: readonly string[],
): Promise<void> {
	const resources = [{ resource_id: id, resource_type: type }];
	for (const tag of olds.filter((one) => !news.includes(one))) {
		await api().request("DELETE", `/v2/tags/${tag}/resources`, { resources });
	}
	for (const tag of news.filter((one) => !olds.includes(one))) {
		await api().request("POST", "/v2/tags", { name: tag });
		await api().request("POST", `/v2/tags/${tag}/resources`, { resources });
	}
}
