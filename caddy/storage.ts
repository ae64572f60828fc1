/** One issued certificate, PEM. */
export interface Certificate {
	hostname: string;
	/** Leaf first, then the issuers. */
	chain: string;
	privateKey: string;
}

/** A file of Caddy's storage, path relative to its root. */
export interface StorageFile {
	path: string;
	content: string;
}

/**
 * The folder of an issuer in Caddy's storage: host and path of the ACME
 * directory, as certmagic's IssuerKey and KeyBuilder.Safe build it
 * (github.com/caddyserver/certmagic, acmeissuer.go and storage.go).
 */
export function issuerFolder(directory: string): string {
	const { host, pathname } = new URL(directory);
	const path = pathname.replaceAll("/", "-").replace(/^-+|-+$/g, "");
	return safe(path ? `${host}-${path}` : host);
}

/** The files by which Caddy takes a certificate for one of its own. */
export function storageFiles(
	directory: string,
	certificates: Certificate[],
): StorageFile[] {
	return certificates.flatMap(({ hostname, chain, privateKey }) => {
		const name = safe(hostname);
		const base = `certificates/${issuerFolder(directory)}/${name}/${name}`;
		const meta = { sans: [hostname], issuer_data: { url: directory } };
		return [
			{ path: `${base}.crt`, content: chain },
			{ path: `${base}.key`, content: privateKey },
			{ path: `${base}.json`, content: JSON.stringify(meta, null, "\t") },
		];
	});
}

/** certmagic's rules for names in storage, as far as host names meet them. */
function safe(text: string): string {
	return text
		.toLowerCase()
		.trim()
		.replaceAll(" ", "_")
		.replaceAll("+", "_plus_")
		.replaceAll("*", "wildcard_")
		.replaceAll(":", "-")
		.replaceAll("..", "")
		.replace(/[^\w@.-]/g, "");
}
