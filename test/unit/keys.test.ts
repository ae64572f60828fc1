import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { utils } from "ssh2";
import { keyPair } from "../../infra/keys";

/** RFC 8032, 7.1, test 1. */
const rfcSeed = Buffer.from(
	"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	"hex",
);
const rfcPublic = Buffer.from(
	"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
	"hex",
);

describe("key pairs from seeds", () => {
	it("gives RFC 8032's public key for its seed", () => {
		const [, blob = ""] = keyPair(rfcSeed).publicKey.split(" ");
		assert.deepEqual(Buffer.from(blob, "base64").subarray(-32), rfcPublic);
	});

	it("gives the same text for the same seed", () => {
		assert.deepEqual(keyPair(rfcSeed), keyPair(rfcSeed));
	});

	it("is read by ssh-keygen, which finds the same public key", () => {
		const folder = mkdtempSync(join(tmpdir(), "keys-"));
		try {
			for (let index = 0; index < 8; index++) {
				const seed = createHash("sha256").update(String(index)).digest();
				const { publicKey, privateKey } = keyPair(seed);
				const file = join(folder, `key-${index}`);
				writeFileSync(file, privateKey, { mode: 0o600 });
				const seen = execFileSync("ssh-keygen", ["-y", "-f", file]);
				assert.equal(seen.toString().trim(), publicKey);
			}
		} finally {
			rmSync(folder, { recursive: true });
		}
	});

	it("is read by ssh2", () => {
		const parsed = utils.parseKey(keyPair(rfcSeed).privateKey);
		assert.ok(!(parsed instanceof Error));
	});

	it("refuses a seed of another length", () => {
		assert.throws(() => keyPair(Buffer.alloc(31)), /32 bytes/);
	});
});
