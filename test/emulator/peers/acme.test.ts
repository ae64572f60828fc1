import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { Agent } from "node:https";
import acme from "acme-client";
import Docker from "dockerode";
import { HostTable } from "../dns/hosts";
import { DnsServer } from "../dns/server";
import { type DomainRecord, emptyState, type State } from "../state";
import { type Acme, startAcme } from "./acme";
import { createTestNetwork, type TestNetwork } from "./test-network";

describe("the ACME server", function () {
	this.timeout(120_000);
	const docker = new Docker();
	const state: State = emptyState();
	let network: TestNetwork;
	let dns: DnsServer;
	let server: Acme;

	before(async () => {
		network = await createTestNetwork(docker);
		dns = await DnsServer.listen({
			state,
			hosts: new HostTable(),
			address: network.gateway,
			port: 53,
		});
		server = await startAcme(
			{
				docker,
				network: network.name,
				address: network.address(30),
				labels: network.labels,
			},
			`${network.gateway}:53`,
		);
	});
	after(async () => {
		await server?.close();
		await dns?.close();
		await network?.remove();
	});

	it("issues by DNS-01 what the emulated name server proves, chained to the root it names", async () => {
		const records: DomainRecord[] = [];
		state.domains.set("freshtrackpro.com", {
			name: "freshtrackpro.com",
			ttl: 60,
			records,
		} as never);
		const former = acme.axios.defaults.httpsAgent;
		acme.axios.defaults.httpsAgent = new Agent({ ca: server.ca });
		try {
			const client = new acme.Client({
				directoryUrl: server.directoryUrl,
				accountKey: await acme.crypto.createPrivateEcdsaKey(),
			});
			const [, csr] = await acme.crypto.createCsr({
				altNames: ["freshtrackpro.com", "api.freshtrackpro.com"],
			});
			const chain = await client.auto({
				csr,
				email: "ops@example.com",
				termsOfServiceAgreed: true,
				challengePriority: ["dns-01"],
				skipChallengeVerification: true,
				challengeCreateFn: async (authorization, _challenge, value) => {
					const name = authorization.identifier.value.replace(
						/\.?freshtrackpro\.com$/,
						"",
					);
					publish(
						records,
						name ? `_acme-challenge.${name}` : "_acme-challenge",
						value,
					);
				},
				challengeRemoveFn: async () => {},
			});
			const [leaf, intermediate] = acme.crypto
				.splitPemChain(chain)
				.map((pem) => new X509Certificate(pem));
			const root = new X509Certificate(server.root);
			assert.match(leaf?.subjectAltName ?? "", /DNS:api\.freshtrackpro\.com/);
			assert.ok(intermediate && leaf?.verify(intermediate.publicKey));
			assert.ok(intermediate.verify(root.publicKey));
		} finally {
			acme.axios.defaults.httpsAgent = former;
		}
	});
});

function publish(records: DomainRecord[], name: string, data: string): void {
	records.push({
		id: records.length + 1,
		type: "TXT",
		name,
		data,
		ttl: 30,
	} as DomainRecord);
}
