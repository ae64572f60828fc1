import { randomBytes } from "node:crypto";
import { keyPair } from "../infra/keys";

/**
 * A new ed25519 key pair as OpenSSH writes it. One in 250 of ssh2's own
 * (utils.generateKeyPairSync) cannot be read again, by ssh2 itself.
 */
export function generateKey(): { private: string; public: string } {
	const { privateKey, publicKey } = keyPair(randomBytes(32));
	return { private: privateKey, public: publicKey };
}
