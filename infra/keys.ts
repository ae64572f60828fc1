import { createHash, createPrivateKey, createPublicKey } from "node:crypto";

/** An ed25519 key pair in OpenSSH's own formats. */
export interface KeyPair {
	/** "ssh-ed25519 AAAA…", without comment. */
	publicKey: string;
	/** PEM, "-----BEGIN OPENSSH PRIVATE KEY-----". */
	privateKey: string;
}

const algorithm = "ssh-ed25519";

/** RFC 8410: PKCS#8 of an ed25519 private key, up to the 32 bytes of the seed. */
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");

/**
 * The key pair that belongs to a seed; the same seed always gives the same
 * text, so that a second deployment sees no change.
 *
 * @param seed 32 random bytes, the private key of RFC 8032.
 */
export function keyPair(seed: Buffer): KeyPair {
	if (seed.length !== 32) throw new Error("an ed25519 seed has 32 bytes");
	const secret = createPrivateKey({
		key: Buffer.concat([pkcs8Prefix, seed]),
		format: "der",
		type: "pkcs8",
	});
	const { x } = createPublicKey(secret).export({ format: "jwk" });
	const point = Buffer.from(x ?? "", "base64url");
	const blob = Buffer.concat([field(algorithm), field(point)]);
	return {
		publicKey: `${algorithm} ${blob.toString("base64")}`,
		privateKey: pem(seed, point, blob),
	};
}

/** OpenSSH's PROTOCOL.key, unencrypted, with one key. */
function pem(seed: Buffer, point: Buffer, blob: Buffer): string {
	// Two equal numbers show a reader that decryption worked; any number does,
	// so it is derived from the seed to keep the text stable.
	const check = createHash("sha256").update(seed).digest().subarray(0, 4);
	const pair = Buffer.concat([
		...[check, check, blob],
		field(Buffer.concat([seed, point])),
		field(""),
	]);
	const padding = Buffer.from(
		Array.from(
			{ length: (8 - (pair.length % 8)) % 8 },
			(_, index) => index + 1,
		),
	);
	const body = Buffer.concat([
		Buffer.from("openssh-key-v1\0"),
		...[field("none"), field("none"), field("")],
		uint32(1),
		field(blob),
		field(Buffer.concat([pair, padding])),
	]).toString("base64");
	return [
		"-----BEGIN OPENSSH PRIVATE KEY-----",
		...(body.match(/.{1,70}/g) ?? []),
		"-----END OPENSSH PRIVATE KEY-----",
		"",
	].join("\n");
}

/** RFC 4251's string: length and bytes. */
function field(content: string | Buffer): Buffer {
	const bytes = Buffer.from(content);
	return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32BE(value);
	return bytes;
}
