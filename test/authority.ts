import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";

// The library is typed against the DOM's Crypto, which Node's implements.
x509.cryptoProvider.set(webcrypto as never);

const KEY = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING = { ...KEY, hash: "SHA-256" };
const DAY = 24 * 60 * 60 * 1000;

/** A certificate authority of its own, for a server that only tests talk to. */
export interface Authority {
	/** PEM of the root. */
	readonly certificate: string;
	/**
	 * A server certificate for these host names and addresses (PEM, key in PKCS #8).
	 *
	 * @param days its begin and end, in days from now; since yesterday, for 825, without.
	 */
	issue(
		names: string[],
		days?: { from: number; to: number },
	): Promise<{ certificate: string; key: string }>;
}

/** Makes a root (ECDSA P-256, valid ten years) whose key never leaves this process. */
export async function createAuthority(name: string): Promise<Authority> {
	const keys = await generateKeys();
	const root = await x509.X509CertificateGenerator.createSelfSigned({
		serialNumber: serial(),
		name: [{ CN: [name] }],
		notBefore: new Date(Date.now() - DAY),
		notAfter: new Date(Date.now() + 3650 * DAY),
		keys,
		signingAlgorithm: SIGNING,
		extensions: [
			new x509.BasicConstraintsExtension(true, undefined, true),
			new x509.KeyUsagesExtension(
				x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
				true,
			),
			await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
		],
	});
	return {
		certificate: `${root.toString("pem")}\n`,
		async issue(names, days = { from: -1, to: 825 }) {
			const leaf = await generateKeys();
			const certificate = await x509.X509CertificateGenerator.create({
				serialNumber: serial(),
				subject: [{ CN: [names[0] ?? name] }],
				issuer: root.subjectName,
				notBefore: new Date(Date.now() + days.from * DAY),
				notAfter: new Date(Date.now() + days.to * DAY),
				publicKey: leaf.publicKey,
				signingKey: keys.privateKey,
				signingAlgorithm: SIGNING,
				extensions: [
					new x509.BasicConstraintsExtension(false, undefined, true),
					new x509.ExtendedKeyUsageExtension([
						x509.ExtendedKeyUsage.serverAuth,
					]),
					new x509.SubjectAlternativeNameExtension(
						names.map((value) => ({
							type: isIP(value) ? ("ip" as const) : ("dns" as const),
							value,
						})),
					),
					await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
				],
			});
			const exported = await webcrypto.subtle.exportKey(
				"pkcs8",
				leaf.privateKey,
			);
			return {
				certificate: `${certificate.toString("pem")}\n`,
				key: `${x509.PemConverter.encode(exported, "PRIVATE KEY")}\n`,
			};
		},
	};
}

function generateKeys() {
	return webcrypto.subtle.generateKey(KEY, true, ["sign", "verify"]);
}

function serial(): string {
	return Buffer.from(webcrypto.getRandomValues(new Uint8Array(12)))
		.toString("hex")
		.replace(/^./, "1");
}
