import assert from "node:assert/strict";
import { getServers } from "node:dns";
import { connect } from "node:net";
import { generateKey } from "../../ssh-key";
import { createDockerMachines } from "./index";
import { Ssh } from "./ssh";
import type { DropletAddresses, Machines } from "./types";

const EVERYWHERE = ["0.0.0.0/0"];

/**
 * An image of nothing but a shell and netcat, made from the Droplet's own
 * files, so that no registry is needed.
 */
const IMPORT_IMAGE = `
programs="/bin/sh /bin/nc.openbsd /bin/cat"
files=$(ldd $programs | grep -o '/lib[^ :]*' | sort -u)
tar -c --dereference --hard-dereference $programs $files 2>/dev/null | docker import - netcat >/dev/null`;

/** Answers every connection with its argument. */
const serve = (text: string, port: number) =>
	`/bin/sh -c 'while :; do echo ${text} | /bin/nc.openbsd -N -l ${port}; done'`;

describe("Droplets in Docker", function () {
	this.timeout(180_000);

	const key = generateKey();
	const hostKeys = [generateKey(), generateKey()];
	let machines: Machines;
	let addresses: DropletAddresses[];
	let shells: Ssh[];

	before(async () => {
		// No DNS server of an emulator listens on the gateway here.
		machines = await createDockerMachines({ resolver: getServers()[0] });
		await machines.createVpc({ id: "vpc", ipRange: "10.10.10.0/24" });
		addresses = await Promise.all(
			hostKeys.map((hostKey, index) =>
				machines.createDroplet({
					id: index + 1,
					name: `node-${index + 1}`,
					image: "debian-12-x64",
					vcpus: 2,
					memoryMb: 2048,
					vpcId: "vpc",
					sshKeys: [key.public],
					userData: cloudConfig(hostKey),
				}),
			),
		);
		shells = await Promise.all(
			addresses.map(({ publicIp }, index) =>
				Ssh.connect({
					host: publicIp,
					privateKey: key.private,
					hostKey: hostKeys[index]?.public ?? "",
				}),
			),
		);
		await Promise.all(
			shells.map((shell) => shell.run("cloud-init status --wait")),
		);
		await Promise.all(shells.map((shell) => shell.run(IMPORT_IMAGE)));
	});

	after(async () => {
		for (const shell of shells ?? []) shell.close();
		await machines?.close();
	});

	const shell = (number: number) => shells[number - 1] as Ssh;
	const address = (number: number) => addresses[number - 1] as DropletAddresses;

	it("runs the user data through all of cloud-init's stages", async () => {
		assert.equal(await shell(1).run("cat /etc/greeting"), "hello");
		assert.equal(await shell(1).run("stat -c %a /etc/greeting"), "600");
		assert.equal(await shell(1).run("cat /root/boot"), "bootcmd");
		assert.equal(await shell(1).run("cat /root/engine"), "active");
		assert.equal(await shell(1).run("id -un deploy"), "deploy");
		assert.match(
			await shell(1).run("cat /var/log/cloud-init-output.log"),
			/Cloud-init .* finished/,
		);
	});

	it("knows its name and has the public network on eth0 and the VPC on eth1", async () => {
		assert.equal(await shell(1).run("hostname"), "node-1");
		const interfaces = await shell(1).run("ip -4 -o address show");
		assert.match(
			interfaces,
			new RegExp(`eth0 +inet ${address(1).publicIp}/24 `),
		);
		assert.match(
			interfaces,
			new RegExp(`eth1 +inet ${address(1).privateIp}/24 `),
		);
		assert.match(await shell(1).run("ip route"), /default via \S+ dev eth0/);
	});

	it("asks the metadata service who it is", async () => {
		const ask = (path: string) =>
			shell(2).run(`curl -sf http://169.254.169.254/metadata/${path}`);
		assert.equal(await ask("v1/id"), "2");
		assert.equal(
			await ask("v1/interfaces/private/0/ipv4/address"),
			address(2).privateIp,
		);
		assert.equal(JSON.parse(await ask("v1.json")).hostname, "node-2");
	});

	it("refuses a host key other than the pinned one", async () => {
		await assert.rejects(
			Ssh.connect({
				host: address(1).publicIp,
				privateKey: key.private,
				hostKey: generateKey().public,
			}),
		);
	});

	it("installs packages and leaves daemon.json to the program", async () => {
		assert.match(await shell(1).run("docker info -f '{{.Labels}}'"), /ours/);
		await shell(1).run("apt-get update -qq && apt-get install -y -qq tree");
		assert.match(await shell(1).run("tree --version"), /^tree v/);
	});

	it("has sshd up after a start that found the port taken, as systemd would", async () => {
		// sshd has become a daemon before it binds, so its start looks well.
		await shell(1).run(
			`listeners() { cat /proc/net/tcp /proc/net/tcp6 | grep -c ':0016 0*:0000 0A'; }
			systemctl stop ssh
			until [ $(listeners) = 0 ]; do :; done
			for family in 4 6; do timeout 1 nc -$family -l 22 >/dev/null & done
			until [ $(listeners) = 2 ]; do :; done
			systemctl start ssh`,
		);
		assert.equal(await shell(1).run("systemctl is-active ssh"), "active");
	});

	it("holds containers within the size's memory", async () => {
		const limit = await shell(1).run(
			"docker run --rm netcat /bin/cat /proc/self/cgroup",
		);
		const own = await shell(1).run("cat /proc/self/cgroup");
		const group = /memory:(\S+)|0::(\S+)/.exec(own);
		assert.ok(group);
		assert.ok(limit.includes(group[1] ?? group[2] ?? ""));
	});

	it("drops what the firewall does not admit, published ports of containers included", async () => {
		const { publicIp, privateIp } = address(1);
		await shell(1).run(
			`docker run -d --name admitted -p 8080:1 netcat ${serve("admitted", 1)}
			docker run -d --name dropped -p 8081:1 netcat ${serve("dropped", 1)}`,
		);
		assert.equal(await read(publicIp, 8080), "admitted");
		assert.equal(await read(publicIp, 8081), "dropped");

		await machines.setFirewall(1, [
			{ protocol: "tcp", ports: "22", sources: EVERYWHERE },
			{ protocol: "tcp", ports: "8000-8080", sources: EVERYWHERE },
		]);
		assert.equal(await read(publicIp, 8080), "admitted");
		assert.equal(await read(publicIp, 8081), undefined);
		// As at DigitalOcean, the VPC is behind the firewall, too.
		const fromVpc = (port: number) =>
			shell(2).run(`nc -w 3 ${privateIp} ${port} </dev/null || echo nothing`);
		assert.equal(await fromVpc(8080), "admitted");
		assert.equal(await fromVpc(8081), "nothing");

		await machines.setFirewall(1, [
			{ protocol: "tcp", ports: "22", sources: EVERYWHERE },
			{ protocol: "tcp", ports: "all", sources: [address(2).privateIp] },
		]);
		assert.equal(await read(publicIp, 8080), undefined);
		assert.equal(await fromVpc(8081), "dropped");

		await machines.setFirewall(1, null);
		assert.equal(await read(publicIp, 8081), "dropped");
		await shell(1).run("docker rm -f admitted dropped");
	});

	it("moves a reserved IP from one Droplet to the other", async () => {
		for (const number of [1, 2])
			await shell(number).run(
				`docker run -d --name web -p 80:1 netcat ${serve(`node-${number}`, 1)}`,
			);
		const ip = await machines.reserveAddress();
		assert.equal(await read(ip, 80), undefined);
		await machines.assignAddress(ip, 1);
		assert.equal(await read(ip, 80), "node-1");
		await machines.assignAddress(ip, 2);
		assert.equal(await read(ip, 80), "node-2");
		await machines.unassignAddress(ip);
		assert.equal(await read(ip, 80), undefined);
		await machines.releaseAddress(ip);
		for (const number of [1, 2]) await shell(number).run("docker rm -f web");
	});

	it("forms a Swarm over the VPC whose overlay network reaches from one to the other", async () => {
		const token = await shell(1).run(
			`docker swarm init --advertise-addr ${address(1).privateIp} >/dev/null
			docker swarm join-token -q worker`,
		);
		await shell(2).run(
			`docker swarm join --token ${token} ${address(1).privateIp}:2377`,
		);
		await shell(1).run(
			`docker network create -d overlay --attachable mesh
			for node in node-1 node-2; do
				docker service create -d --name $node --network mesh --endpoint-mode dnsrr \\
					--constraint node.hostname==$node netcat /bin/sh -c "while :; do echo $node | /bin/nc.openbsd -N -l 80; done"
			done`,
		);
		// The image is of this test only, without a digest in any registry.
		for (const [from, to] of [
			[1, 2],
			[2, 1],
		] as const)
			assert.equal(
				await shell(from).run(
					`for attempt in $(seq 60); do
						answer=$(docker run --rm --network mesh netcat /bin/nc.openbsd -w 3 node-${to} 80 </dev/null 2>/dev/null) && [ "$answer" ] && break
						sleep 0.5
					done
					echo "$answer"`,
				),
				`node-${to}`,
			);
	});

	it("comes back from a reboot with its addresses, its firewall and its engine", async () => {
		const ip = await machines.reserveAddress();
		await machines.assignAddress(ip, 2);
		await machines.setFirewall(2, [
			{ protocol: "tcp", ports: "22", sources: EVERYWHERE },
		]);
		await machines.power(2, "reboot");
		const again = await Ssh.connect({
			host: ip,
			privateKey: key.private,
			hostKey: hostKeys[1]?.public ?? "",
		});
		try {
			await again.run("cloud-init status --wait && systemctl start docker");
			assert.match(await again.run("docker images"), /netcat/);
			assert.match(
				await again.run("ip -4 -o address show eth1"),
				new RegExp(address(2).privateIp),
			);
			assert.match(await again.run("iptables -t mangle -S"), /-j DROP/);
		} finally {
			again.close();
		}
	});
});

function cloudConfig(hostKey: { private: string; public: string }): string {
	return `#cloud-config
${JSON.stringify({
	ssh_keys: {
		ed25519_private: hostKey.private,
		ed25519_public: hostKey.public,
	},
	users: [{ name: "deploy", shell: "/bin/bash" }],
	package_update: true,
	packages: ["docker.io", "unattended-upgrades"],
	bootcmd: ["echo bootcmd >/root/boot"],
	write_files: [
		{ path: "/etc/greeting", content: "hello\n", permissions: "0600" },
		{
			path: "/etc/docker/daemon.json",
			content: JSON.stringify({ labels: ["theirs=ours"] }),
		},
	],
	runcmd: [
		"systemctl enable --now docker",
		"systemctl is-active docker >/root/engine",
	],
})}
`;
}

/** What the server sends, or undefined when it does not let itself be reached. */
function read(host: string, port: number): Promise<string | undefined> {
	return new Promise((resolve) => {
		let text = "";
		const socket = connect({ host, port });
		const end = (result: string | undefined) => {
			socket.destroy();
			resolve(result);
		};
		socket.setTimeout(2000, () => end(undefined));
		socket.once("error", () => end(undefined));
		socket.on("data", (chunk) => {
			text += chunk;
		});
		socket.once("end", () => end(text.trim()));
	});
}
