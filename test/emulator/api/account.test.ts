import assert from "node:assert/strict";
import { Contract } from "../contract";

describe("the account", () => {
	let api: Contract;
	beforeEach(async () => {
		api = await Contract.start();
	});
	afterEach(() => api.close());

	describe("protocol", () => {
		it("answers who is asking", async () => {
			const { account } = await api.expect(200, "GET", "/v2/account");
			assert.equal(account.status, "active");
		});

		it("refuses a wrong token and a missing one with a 401", async () => {
			for (const token of ["", "dop_v1_wrong"]) {
				const answer = await api.call("GET", "/v2/account", undefined, token);
				assert.equal(answer.status, 401);
				assert.deepEqual(answer.body, {
					id: "Unauthorized",
					message: "Unable to authenticate you",
				});
			}
		});

		it("answers what it does not have with DigitalOcean's 404", async () => {
			for (const path of [
				"/v2/registry",
				"/v2/droplets/1",
				"/v2/kubernetes/clusters",
				"/v1/anything",
			])
				assert.deepEqual(await api.expect(404, "GET", path), {
					id: "not_found",
					message: "The resource you were accessing could not be found.",
				});
		});

		it("answers JSON that can not be read, and a missing body, with a 400", async () => {
			const response = await fetch(`${api.emulator.url}/v2/tags`, {
				method: "POST",
				headers: { authorization: `Bearer ${api.emulator.token}` },
				body: "{",
			});
			assert.equal(response.status, 400);
			await api.expect(400, "POST", "/v2/tags");
		});

		it("counts requests in the rate limit headers and names each", async () => {
			const first = await api.call("GET", "/v2/account");
			const second = await api.call("GET", "/v2/account");
			assert.equal(first.headers.get("ratelimit-limit"), "5000");
			assert.equal(
				Number(first.headers.get("ratelimit-remaining")) - 1,
				Number(second.headers.get("ratelimit-remaining")),
			);
			assert.ok(
				Number(first.headers.get("ratelimit-reset")) > Date.now() / 1000,
			);
			assert.notEqual(
				first.headers.get("x-request-id"),
				second.headers.get("x-request-id"),
			);
		});

		it("pages lists, with links to the neighbouring pages", async () => {
			for (let number = 1; number <= 5; number += 1)
				await api.expect(201, "POST", "/v2/tags", { name: `tag-${number}` });
			const page = (query: string) =>
				api.expect(200, "GET", `/v2/tags?${query}`);
			const pageOf = (link: string) => new URL(link).searchParams.get("page");

			const all = await page("");
			assert.equal(all.tags.length, 5);
			assert.deepEqual(all.links, {});
			const middle = await page("page=2&per_page=2");
			assert.deepEqual(
				middle.tags.map((tag: { name: string }) => tag.name),
				["tag-3", "tag-4"],
			);
			assert.equal(middle.meta.total, 5);
			const { first, prev, next, last } = middle.links.pages;
			assert.deepEqual([first, prev, next, last].map(pageOf), [
				"1",
				"1",
				"3",
				"3",
			]);
			const end = await page("page=3&per_page=2");
			assert.deepEqual(Object.keys(end.links.pages), ["first", "prev"]);
			assert.equal((await page("per_page=1000")).tags.length, 5);
		});

		it("lists regions, sizes and images", async () => {
			const slugs = async (kind: string): Promise<string[]> =>
				(await api.expect(200, "GET", `/v2/${kind}`))[kind].map(
					(item: { slug: string }) => item.slug,
				);
			assert.ok((await slugs("regions")).includes("nyc3"));
			assert.ok((await slugs("sizes")).includes("s-4vcpu-8gb"));
			assert.ok((await slugs("images")).includes("debian-12-x64"));
			const { image } = await api.expect(
				200,
				"GET",
				"/v2/images/debian-12-x64",
			);
			assert.equal(image.distribution, "Debian");
		});
	});

	describe("projects", () => {
		const create = async (fields: Record<string, unknown> = {}) =>
			(
				await api.expect(201, "POST", "/v2/projects", {
					name: "cutover",
					purpose: "Web Application",
					...fields,
				})
			).project;

		it("have a default that takes new resources", async () => {
			const id = await api.droplet();
			await api.expect(201, "POST", "/v2/domains", { name: "example.com" });
			const { project } = await api.expect(200, "GET", "/v2/projects/default");
			assert.equal(project.is_default, true);
			const { resources } = await api.expect(
				200,
				"GET",
				`/v2/projects/${project.id}/resources`,
			);
			assert.deepEqual(
				resources.map(({ urn }: { urn: string }) => urn),
				[`do:droplet:${id}`, "do:domain:example.com"],
			);
			await api.expect(204, "DELETE", `/v2/droplets/${id}`);
			await api.settled();
			const { meta } = await api.expect(
				200,
				"GET",
				"/v2/projects/default/resources",
			);
			assert.equal(meta.total, 1);
		});

		it("are created, changed, take resources over and go when empty", async () => {
			const made = await create({ environment: "Staging" });
			const path = `/v2/projects/${made.id}`;
			await api.expect(409, "POST", "/v2/projects", {
				name: "cutover",
				purpose: "Web Application",
			});
			await api.expect(200, "PATCH", path, { description: "changed" });
			await api.expect(200, "PUT", path, {
				name: "renamed",
				description: "",
				purpose: "Web Application",
				environment: "Production",
				is_default: false,
			});
			const urn = `do:droplet:${await api.droplet()}`;
			const assign = async () =>
				(
					await api.expect(200, "POST", `${path}/resources`, {
						resources: [urn],
					})
				).resources[0].status;
			assert.equal(await assign(), "assigned");
			assert.equal(await assign(), "already_assigned");
			const { project } = await api.expect(200, "GET", path);
			assert.equal(project.name, "renamed");
			assert.equal(project.environment, "Production");
			const error = await api.expect(412, "DELETE", path);
			assert.equal(error.message, "cannot delete a project with resources");
			await api.expect(200, "POST", "/v2/projects/default/resources", {
				resources: [urn],
			});
			await api.expect(204, "DELETE", path);
			await api.expect(404, "GET", path);
		});

		it("keep the default, and refuse resources that do not exist", async () => {
			await api.expect(412, "DELETE", "/v2/projects/default");
			const { id } = await create();
			await api.expect(400, "POST", `/v2/projects/${id}/resources`, {
				resources: ["do:droplet:1"],
			});
			await api.expect(422, "POST", "/v2/projects", { name: "no purpose" });
		});

		it("know a reserved IP by both names of its kind", async () => {
			const { reserved_ip } = await api.expect(
				202,
				"POST",
				"/v2/reserved_ips",
				{ region: "nyc3" },
			);
			const { id } = await create();
			await api.expect(200, "POST", `/v2/projects/${id}/resources`, {
				resources: [`do:floatingip:${reserved_ip.ip}`],
			});
			const read = await api.expect(
				200,
				"GET",
				`/v2/reserved_ips/${reserved_ip.ip}`,
			);
			assert.equal(read.reserved_ip.project_id, id);
			await api.expect(204, "DELETE", `/v2/reserved_ips/${reserved_ip.ip}`);
			await api.expect(204, "DELETE", `/v2/projects/${id}`);
		});
	});

	describe("tags", () => {
		it("are created, put on Droplets, counted, taken off and deleted", async () => {
			const id = await api.droplet();
			await api.expect(201, "POST", "/v2/tags", { name: "web" });
			const resources = [{ resource_id: String(id), resource_type: "droplet" }];
			await api.expect(204, "POST", "/v2/tags/web/resources", { resources });
			const { tag } = await api.expect(200, "GET", "/v2/tags/web");
			assert.equal(tag.resources.droplets.count, 1);
			const { droplet } = await api.expect(200, "GET", `/v2/droplets/${id}`);
			assert.deepEqual(droplet.tags, ["web"]);
			await api.expect(204, "DELETE", "/v2/tags/web/resources", { resources });
			await api.expect(204, "DELETE", "/v2/tags/web");
			await api.expect(404, "GET", "/v2/tags/web");
			await api.expect(422, "POST", "/v2/tags", { name: "not a tag" });
		});
	});

	describe("control", () => {
		it("tells what is left in the account", async () => {
			await api.droplet({ tags: ["web"] });
			await api.expect(201, "POST", "/v2/domains", {
				name: "example.com",
				ip_address: "192.0.2.1",
			});
			const left = await api.expect(200, "GET", "/_emulator/inventory");
			assert.deepEqual(left.droplets, { count: 1, names: ["web-1"] });
			assert.deepEqual(left.records, {
				count: 1,
				names: ["example.com @ A 192.0.2.1"],
			});
			// The default VPC and the default project are every account's.
			assert.equal(left.vpcs.count, 0);
			assert.equal(left.projects.count, 0);
		});

		it("moves the clock of what is created after", async () => {
			const { now } = await api.expect(200, "POST", "/_emulator/clock", {
				offsetSeconds: 48 * 3600,
			});
			const id = await api.droplet();
			const { droplet } = await api.expect(200, "GET", `/v2/droplets/${id}`);
			assert.ok(droplet.created_at >= now);
			const ahead = Date.parse(droplet.created_at) - Date.now();
			assert.ok(ahead > 47 * 3600 * 1000);
			await api.expect(400, "POST", "/_emulator/clock", {});
		});

		it("gives the faults that a test asks for, as often as it asks", async () => {
			await api.expect(201, "POST", "/_emulator/faults", {
				method: "GET",
				pathPrefix: "/v2/tags",
				status: 429,
				times: 2,
			});
			await api.expect(200, "GET", "/v2/account");
			for (let time = 0; time < 2; time += 1) {
				const answer = await api.call("GET", "/v2/tags");
				assert.equal(answer.status, 429);
				assert.equal(answer.body.id, "too_many_requests");
				assert.equal(answer.headers.get("retry-after"), "1");
			}
			await api.expect(200, "GET", "/v2/tags");
		});

		it("remembers the last requests", async () => {
			await api.call("GET", "/v2/account");
			const { requests } = await api.expect(200, "GET", "/_emulator/requests");
			const { method, path, status } = requests.at(-1);
			assert.deepEqual([method, path, status], ["GET", "/v2/account", 200]);
		});

		it("answers a 404 for endpoints that nobody has", async () => {
			await api.expect(404, "GET", "/_emulator/unknown");
		});
	});
});
