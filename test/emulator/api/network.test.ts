import assert from "node:assert/strict";
import { Contract } from "../contract";

describe("networks", () => {
	let api: Contract;
	beforeEach(async () => {
		api = await Contract.start();
	});
	afterEach(() => api.close());

	describe("VPCs", () => {
		const vpc = (fields: Record<string, unknown> = {}) =>
			api.expect(201, "POST", "/v2/vpcs", {
				name: "production",
				region: "nyc3",
				...fields,
			});

		it("are created, read, changed and deleted", async () => {
			const { vpc: made } = await vpc({
				description: "for the cutover",
				ip_range: "10.20.0.0/24",
			});
			assert.equal(made.urn, `do:vpc:${made.id}`);
			assert.equal(made.ip_range, "10.20.0.0/24");
			const path = `/v2/vpcs/${made.id}`;
			await api.expect(200, "PUT", path, { name: "renamed" });
			await api.expect(200, "PATCH", path, { description: "changed" });
			const { vpc: read } = await api.expect(200, "GET", path);
			assert.equal(read.name, "renamed");
			assert.equal(read.description, "changed");
			await api.expect(204, "DELETE", path);
			await api.expect(404, "GET", path);
		});

		it("have a default a region, which the region's resources join and which stays", async () => {
			const id = await api.droplet();
			const { vpcs } = await api.expect(200, "GET", "/v2/vpcs");
			assert.equal(vpcs.length, 1);
			assert.equal(vpcs[0].default, true);
			assert.equal(vpcs[0].name, "default-nyc3");
			const { droplet } = await api.expect(200, "GET", `/v2/droplets/${id}`);
			assert.equal(droplet.vpc_uuid, vpcs[0].id);
			await api.expect(403, "DELETE", `/v2/vpcs/${vpcs[0].id}`);
		});

		it("keep their default when two first resources come at once", async () => {
			await Promise.all([api.droplet(), api.droplet({ name: "web-2" })]);
			const { meta } = await api.expect(200, "GET", "/v2/vpcs");
			assert.equal(meta.total, 1);
		});

		it("list their members and can not go before them", async () => {
			const { vpc: made } = await vpc();
			const id = await api.droplet({ vpc_uuid: made.id });
			const { members } = await api.expect(
				200,
				"GET",
				`/v2/vpcs/${made.id}/members`,
			);
			assert.deepEqual(
				members.map((member: { urn: string }) => member.urn),
				[`do:droplet:${id}`],
			);
			const error = await api.expect(403, "DELETE", `/v2/vpcs/${made.id}`);
			assert.equal(error.message, "Can not delete VPC with members");
			await api.expect(204, "DELETE", `/v2/droplets/${id}`);
			await api.settled();
			await api.expect(204, "DELETE", `/v2/vpcs/${made.id}`);
		});

		for (const [what, range] of [
			["that overlaps another", "10.20.0.128/25"],
			["that is public", "203.0.113.0/24"],
			["that is too wide", "10.0.0.0/8"],
			["that is too narrow", "10.30.0.0/30"],
			["that is none", "10.30.0.0"],
		])
			it(`refuse a range ${what}`, async () => {
				await vpc({ ip_range: "10.20.0.0/24" });
				await api.expect(422, "POST", "/v2/vpcs", {
					name: "second",
					region: "nyc3",
					ip_range: range,
				});
			});

		it("take ranges of their own that do not overlap", async () => {
			const ranges = [
				(await vpc()).vpc.ip_range,
				(await vpc({ name: "staging" })).vpc.ip_range,
			];
			assert.equal(new Set(ranges).size, 2);
		});
	});

	describe("firewalls", () => {
		const ssh = {
			protocol: "tcp",
			ports: "22",
			sources: { addresses: ["192.0.2.0/24"] },
		};
		const everywhere = {
			protocol: "tcp",
			ports: "all",
			destinations: { addresses: ["0.0.0.0/0", "::/0"] },
		};
		const firewall = async (fields: Record<string, unknown> = {}) =>
			(
				await api.expect(202, "POST", "/v2/firewalls", {
					name: "production",
					inbound_rules: [ssh],
					outbound_rules: [everywhere],
					...fields,
				})
			).firewall;

		it("wait until the machines have their rules, then have succeeded", async () => {
			const id = await api.droplet();
			const made = await firewall({ droplet_ids: [id] });
			assert.equal(made.status, "waiting");
			assert.deepEqual(made.pending_changes, [
				{ droplet_id: id, removing: false, status: "waiting" },
			]);
			assert.equal(made.outbound_rules[0].ports, "0");
			await api.settled();
			const { firewall: read } = await api.expect(
				200,
				"GET",
				`/v2/firewalls/${made.id}`,
			);
			assert.equal(read.status, "succeeded");
			assert.deepEqual(read.pending_changes, []);
			assert.deepEqual(api.machines.firewalls.get(id), [
				{ protocol: "tcp", ports: "22", sources: ["192.0.2.0/24"] },
			]);
			const { firewalls } = await api.expect(
				200,
				"GET",
				`/v2/droplets/${id}/firewalls`,
			);
			assert.equal(firewalls[0].id, made.id);
		});

		it("cover Droplets by tag, those created later too", async () => {
			await api.expect(201, "POST", "/v2/tags", { name: "web" });
			await firewall({ tags: ["web"] });
			const id = await api.droplet({ tags: ["web"] });
			assert.equal(api.machines.firewalls.get(id)?.length, 1);
			await api.expect(204, "DELETE", "/v2/tags/web/resources", {
				resources: [{ resource_id: String(id), resource_type: "droplet" }],
			});
			await api.settled();
			assert.equal(api.machines.firewalls.get(id), null);
		});

		it("admit other Droplets by tag at both of their addresses", async () => {
			const id = await api.droplet();
			await api.droplet({ name: "db-1", tags: ["db"] });
			await firewall({
				droplet_ids: [id],
				inbound_rules: [
					{ protocol: "udp", ports: "1000-2000", sources: { tags: ["db"] } },
				],
			});
			await api.settled();
			assert.equal(api.machines.firewalls.get(id)?.[0]?.sources.length, 2);
		});

		it("take and give up Droplets, tags and rules, and open the machine at their end", async () => {
			const id = await api.droplet({ tags: ["web"] });
			const { id: firewallId } = await firewall();
			const path = `/v2/firewalls/${firewallId}`;
			await api.expect(204, "POST", `${path}/droplets`, { droplet_ids: [id] });
			await api.expect(204, "POST", `${path}/tags`, { tags: ["web"] });
			const rule = {
				protocol: "tcp",
				ports: "443",
				sources: { addresses: ["0.0.0.0/0"] },
			};
			await api.expect(204, "POST", `${path}/rules`, { inbound_rules: [rule] });
			await api.settled();
			assert.equal(api.machines.firewalls.get(id)?.length, 2);
			await api.expect(204, "DELETE", `${path}/rules`, {
				inbound_rules: [rule],
			});
			await api.expect(204, "DELETE", `${path}/tags`, { tags: ["web"] });
			await api.settled();
			assert.equal(api.machines.firewalls.get(id)?.length, 1);
			await api.expect(204, "DELETE", path);
			await api.settled();
			assert.equal(api.machines.firewalls.get(id), null);
			await api.expect(404, "GET", path);
		});

		it("are replaced by PUT, and a Droplet that they leave is opened", async () => {
			const id = await api.droplet();
			const made = await firewall({ droplet_ids: [id] });
			await api.settled();
			const { firewall: changed } = await api.expect(
				200,
				"PUT",
				`/v2/firewalls/${made.id}`,
				{ name: "renamed", inbound_rules: [ssh], droplet_ids: [] },
			);
			assert.equal(changed.name, "renamed");
			assert.deepEqual(changed.outbound_rules, []);
			assert.deepEqual(changed.pending_changes, [
				{ droplet_id: id, removing: true, status: "waiting" },
			]);
			await api.settled();
			assert.equal(api.machines.firewalls.get(id), null);
		});

		it("refuse unknown Droplets, unknown tags, bad ports and a second of the name", async () => {
			await firewall();
			const request = { name: "other", inbound_rules: [ssh] };
			const post = (status: number, fields: object) =>
				api.expect(status, "POST", "/v2/firewalls", { ...request, ...fields });
			await post(409, { name: "production" });
			await post(422, { droplet_ids: [1] });
			await post(422, { tags: ["unknown"] });
			await post(422, { inbound_rules: [{ ...ssh, ports: "ssh" }] });
			await post(422, { inbound_rules: [] });
		});
	});

	describe("reserved IPs", () => {
		it("are reserved for a region and assigned, moved and unassigned by actions", async () => {
			const first = await api.droplet();
			const second = await api.droplet({ name: "web-2" });
			const { reserved_ip, links } = await api.expect(
				202,
				"POST",
				"/v2/reserved_ips",
				{ region: "nyc3" },
			);
			assert.equal(reserved_ip.droplet, null);
			assert.deepEqual(links, {});
			const path = `/v2/reserved_ips/${reserved_ip.ip}`;
			for (const droplet_id of [first, second]) {
				const { action } = await api.expect(201, "POST", `${path}/actions`, {
					type: "assign",
					droplet_id,
				});
				assert.equal(action.type, "assign_ip");
				assert.equal(action.status, "in-progress");
				await api.settled();
				const done = await api.expect(
					200,
					"GET",
					`${path}/actions/${action.id}`,
				);
				assert.equal(done.action.status, "completed");
				const read = await api.expect(200, "GET", path);
				assert.equal(read.reserved_ip.droplet.id, droplet_id);
				assert.equal(api.machines.assignments.get(reserved_ip.ip), droplet_id);
			}
			await api.expect(201, "POST", `${path}/actions`, { type: "unassign" });
			await api.settled();
			assert.equal(api.machines.assignments.size, 0);
			await api.expect(422, "POST", `${path}/actions`, { type: "unassign" });
			const { actions } = await api.expect(200, "GET", `${path}/actions`);
			assert.equal(actions.length, 3);
			await api.expect(204, "DELETE", path);
			await api.expect(404, "GET", path);
		});

		it("are reserved for a Droplet and assigned to it at once", async () => {
			const id = await api.droplet();
			const { reserved_ip, links } = await api.expect(
				202,
				"POST",
				"/v2/reserved_ips",
				{ droplet_id: id },
			);
			assert.equal(reserved_ip.locked, true);
			assert.equal(links.droplets[0].id, id);
			assert.equal(links.actions[0].rel, "assign_ip");
			await api.settled();
			assert.equal(api.machines.assignments.get(reserved_ip.ip), id);
		});

		it("outlive the Droplet they are assigned to", async () => {
			const id = await api.droplet();
			const { reserved_ip } = await api.expect(
				202,
				"POST",
				"/v2/reserved_ips",
				{ droplet_id: id },
			);
			await api.settled();
			await api.expect(204, "DELETE", `/v2/droplets/${id}`);
			await api.settled();
			const read = await api.expect(
				200,
				"GET",
				`/v2/reserved_ips/${reserved_ip.ip}`,
			);
			assert.equal(read.reserved_ip.droplet, null);
		});

		it("refuse a Droplet that does not exist, one elsewhere, and one that has an address", async () => {
			const id = await api.droplet();
			const reserve = async (body: object) =>
				(await api.expect(202, "POST", "/v2/reserved_ips", body)).reserved_ip
					.ip;
			await reserve({ droplet_id: id });
			await api.settled();
			const ip = await reserve({ region: "nyc3" });
			const distant = await reserve({ region: "ams3" });
			const assign = (address: string, droplet_id: number) =>
				api.expect(422, "POST", `/v2/reserved_ips/${address}/actions`, {
					type: "assign",
					droplet_id,
				});
			await assign(ip, 1);
			await assign(ip, id);
			await assign(distant, id);
			await api.expect(422, "POST", "/v2/reserved_ips", { region: "moon1" });
		});
	});
});
