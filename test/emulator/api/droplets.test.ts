import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { utils } from "ssh2";
import { Contract } from "../contract";

describe("droplets", () => {
	let api: Contract;
	beforeEach(async () => {
		api = await Contract.start();
	});
	afterEach(() => api.close());

	it("goes from new to active, gets its addresses, and its action completes", async () => {
		const { droplet, links } = await api.expect(202, "POST", "/v2/droplets", {
			name: "web-1.example.com",
			region: "nyc3",
			size: "s-4vcpu-8gb",
			image: "debian-12-x64",
			user_data: "#cloud-config\n",
			tags: ["web"],
			monitoring: true,
		});
		assert.equal(droplet.status, "new");
		assert.deepEqual(droplet.networks.v4, []);
		assert.equal(links.actions[0].rel, "create");
		const started = await api.expect(
			200,
			"GET",
			new URL(links.actions[0].href).pathname,
		);
		assert.equal(started.action.type, "create");
		await api.settled();

		const { droplet: active } = await api.expect(
			200,
			"GET",
			`/v2/droplets/${droplet.id}`,
		);
		assert.equal(active.status, "active");
		assert.equal(active.locked, false);
		const kinds = active.networks.v4.map(
			(network: { type: string }) => network.type,
		);
		assert.deepEqual(kinds.sort(), ["private", "public"]);
		const { action } = await api.expect(
			200,
			"GET",
			`/v2/droplets/${droplet.id}/actions/${links.actions[0].id}`,
		);
		assert.equal(action.status, "completed");
		assert.ok(action.completed_at);
		assert.equal(
			api.machines.droplets.get(droplet.id)?.userData,
			"#cloud-config\n",
		);
	});

	it("hands the account's SSH keys to the machine, by id and by fingerprint", async () => {
		const first = await addKey("first");
		const second = await addKey("second");
		const id = await api.droplet({
			ssh_keys: [first.id, second.fingerprint],
		});
		assert.deepEqual(api.machines.droplets.get(id)?.sshKeys, [
			first.public_key,
			second.public_key,
		]);
	});

	it("creates several at once", async () => {
		const { droplets, links } = await api.expect(202, "POST", "/v2/droplets", {
			names: ["web-1", "web-2"],
			region: "nyc3",
			size: "s-1vcpu-1gb",
			image: "debian-12-x64",
		});
		assert.equal(droplets.length, 2);
		assert.equal(links.actions.length, 2);
	});

	it("lists by tag and by name", async () => {
		await api.droplet({ name: "web-1", tags: ["web"] });
		await api.droplet({ name: "db-1", tags: ["db"] });
		const names = async (query: string) =>
			(await api.expect(200, "GET", `/v2/droplets?${query}`)).droplets.map(
				(droplet: { name: string }) => droplet.name,
			);
		assert.deepEqual(await names("tag_name=web"), ["web-1"]);
		assert.deepEqual(await names("name=DB-1"), ["db-1"]);
		assert.deepEqual(await names("tag_name=none"), []);
	});

	it("switches power off and on by actions that complete", async () => {
		const id = await api.droplet();
		const { action } = await api.expect(
			201,
			"POST",
			`/v2/droplets/${id}/actions`,
			{ type: "power_off" },
		);
		assert.equal(action.status, "in-progress");
		assert.equal(action.completed_at, null);
		await api.settled();
		const status = async () =>
			(await api.expect(200, "GET", `/v2/droplets/${id}`)).droplet.status;
		assert.equal(await status(), "off");
		assert.equal(api.machines.droplets.get(id)?.power, "off");
		await api.expect(422, "POST", `/v2/droplets/${id}/actions`, {
			type: "reboot",
		});
		await api.expect(201, "POST", `/v2/droplets/${id}/actions`, {
			type: "power_on",
		});
		await api.settled();
		assert.equal(await status(), "active");
		const { actions } = await api.expect(
			200,
			"GET",
			`/v2/droplets/${id}/actions`,
		);
		assert.deepEqual(
			actions.map((done: { type: string }) => done.type),
			["power_on", "power_off", "create"],
		);
	});

	it("takes one event at a time", async () => {
		const id = await api.droplet();
		let finish = () => {};
		api.machines.power = () => new Promise((done) => (finish = done));
		const path = `/v2/droplets/${id}/actions`;
		await api.expect(201, "POST", path, { type: "reboot" });
		await api.expect(422, "POST", path, { type: "reboot" });
		await api.expect(422, "DELETE", `/v2/droplets/${id}`);
		finish();
		await api.settled();
		await api.expect(204, "DELETE", `/v2/droplets/${id}`);
	});

	it("acts on all Droplets of a tag and deletes them", async () => {
		await api.droplet({ name: "web-1", tags: ["web"] });
		await api.droplet({ name: "web-2", tags: ["web"] });
		const other = await api.droplet({ name: "db-1" });
		const { actions } = await api.expect(
			201,
			"POST",
			"/v2/droplets/actions?tag_name=web",
			{ type: "power_off" },
		);
		assert.equal(actions.length, 2);
		await api.settled();
		await api.expect(204, "DELETE", "/v2/droplets?tag_name=web");
		await api.settled();
		assert.deepEqual([...api.machines.droplets.keys()], [other]);
	});

	it("is gone with its machine after a delete", async () => {
		const id = await api.droplet();
		await api.expect(204, "DELETE", `/v2/droplets/${id}`);
		await api.settled();
		await api.expect(404, "GET", `/v2/droplets/${id}`);
		await api.expect(404, "DELETE", `/v2/droplets/${id}`);
		assert.equal(api.machines.droplets.size, 0);
	});

	it("shows a machine that does not come up as off, with an errored action", async () => {
		api.machines.createDroplet = async () => {
			throw new Error("no room");
		};
		const id = await api.droplet();
		const { droplet } = await api.expect(200, "GET", `/v2/droplets/${id}`);
		assert.equal(droplet.status, "off");
		const { actions } = await api.expect(
			200,
			"GET",
			`/v2/droplets/${id}/actions`,
		);
		assert.equal(actions[0].status, "errored");
		const { failures } = await api.expect(200, "GET", "/_emulator/failures");
		assert.match(failures[0], /create of droplet \d+: no room/);
		api.emulator.context.state.failures.length = 0;
	});

	for (const [what, fields, message] of [
		["size", { size: "huge" }, /invalid size/],
		["image", { image: "plan9" }, /invalid image/],
		["region", { region: "moon1" }, /invalid region/],
		["name", { name: "no_such name" }, /valid hostname characters/],
		["SSH key", { ssh_keys: [1] }, /invalid key identifiers/],
		[
			"VPC",
			{ vpc_uuid: "aa2bc972-6d64-4738-b57d-ccb0295e043b" },
			/VPC not found/,
		],
	] as const)
		it(`refuses an unknown ${what} with a 422`, async () => {
			const error = await api.expect(422, "POST", "/v2/droplets", {
				...Contract.dropletRequest,
				...fields,
			});
			assert.equal(error.id, "unprocessable_entity");
			assert.match(error.message, message);
			assert.equal(api.machines.droplets.size, 0);
		});

	it("refuses the same SSH key twice and one that is none", async () => {
		const key = await addKey("first");
		await api.expect(422, "POST", "/v2/account/keys", {
			name: "again",
			public_key: key.public_key,
		});
		await api.expect(422, "POST", "/v2/account/keys", {
			name: "none",
			public_key: "ssh-ed25519 bm90IGEga2V5",
		});
	});

	it("renames, finds and deletes an SSH key", async () => {
		const key = await addKey("first");
		const path = `/v2/account/keys/${key.id}`;
		await api.expect(200, "PUT", path, { name: "renamed" });
		const { ssh_key } = await api.expect(
			200,
			"GET",
			`/v2/account/keys/${key.fingerprint}`,
		);
		assert.equal(ssh_key.name, "renamed");
		await api.expect(204, "DELETE", path);
		await api.expect(404, "GET", path);
	});

	async function addKey(name: string) {
		const { privateKey } = generateKeyPairSync("rsa", {
			modulusLength: 2048,
			privateKeyEncoding: { type: "pkcs1", format: "pem" },
			publicKeyEncoding: { type: "pkcs1", format: "pem" },
		});
		const parsed = utils.parseKey(privateKey);
		if (parsed instanceof Error) throw parsed;
		const { ssh_key } = await api.expect(201, "POST", "/v2/account/keys", {
			name,
			public_key: `${parsed.type} ${parsed.getPublicSSH().toString("base64")}`,
		});
		return ssh_key;
	}
});
