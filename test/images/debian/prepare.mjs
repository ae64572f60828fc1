import { createHash, X509Certificate } from "node:crypto";
import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { canInstall, install } from "../../setup/apt.mjs";
import { SetupError } from "../../setup/errors.mjs";
import { run } from "../../setup/exec.mjs";

const SUITE = "bookworm";
/** As the official slim image: packages installed later leave these out too. */
const LEFT_OUT = [
	"usr/share/doc",
	"usr/share/man",
	"usr/share/info",
	"usr/share/locale",
];

/** Another set of certificates on this host makes another image. */
export function fingerprint() {
	return createHash("sha256").update(hostCertificates().join("")).digest("hex");
}

/** Makes rootfs.tar by debootstrap, with the host's own certificate authorities. */
export async function prepare({ context, cache, log }) {
	if (!canInstall())
		throw new SetupError({
			expected:
				"Docker Hub, or root on Debian or Ubuntu to make the base image by debootstrap",
			found: "neither",
			fix: "let the engine reach Docker Hub (docker pull debian:bookworm-slim), or run as root",
		});
	await install(cache, ["debootstrap", "debian-archive-keyring"]);
	const root = join(context, "rootfs");
	// In a mount namespace of its own: what a killed debootstrap has mounted is
	// gone with it, and never lies in the way of whoever removes its folder.
	await run(
		"unshare",
		[
			...["--mount", "debootstrap", "--variant=minbase"],
			...["--include=ca-certificates", SUITE, root],
		],
		{ log },
	);
	addUpdates(root);
	await addCertificates(root, log);
	slim(root);
	const archive = join(context, "rootfs.tar");
	const kernels = ["dev", "proc", "sys"].map((name) => `--exclude=./${name}/*`);
	await run(
		"tar",
		["-C", root, "--numeric-owner", ...kernels, "-cf", archive, "."],
		{ log },
	);
	rmSync(root, { recursive: true });
	return `debootstrap ${SUITE}`;
}

/** Security fixes and updates from where debootstrap got the rest. */
function addUpdates(root) {
	const file = join(root, "etc/apt/sources.list");
	const [, mirror] = /^deb (\S+)/m.exec(readFileSync(file, "utf8")) ?? [];
	const security = mirror.replace(/debian\/?$/, "debian-security");
	writeFileSync(
		file,
		[
			`deb ${mirror} ${SUITE} main`,
			`deb ${mirror} ${SUITE}-updates main`,
			`deb ${security} ${SUITE}-security main`,
			"",
		].join("\n"),
	);
}

/**
 * Authorities that this host trusts beyond Mozilla's, for instance a company's
 * proxy: without them nothing in a container could use HTTPS here.
 */
async function addCertificates(root, log) {
	const bundle = join(root, "etc/ssl/certs/ca-certificates.crt");
	await run("chroot", [root, "update-ca-certificates"], { log });
	const known = new Set(split(readFileSync(bundle, "utf8")).map(identity));
	const extra = hostCertificates().filter((pem) => !known.has(identity(pem)));
	const folder = join(root, "usr/local/share/ca-certificates");
	mkdirSync(folder, { recursive: true });
	for (const [index, pem] of extra.entries())
		writeFileSync(join(folder, `host-${index}.crt`), pem);
	await run("chroot", [root, "update-ca-certificates"], { log });
}

function hostCertificates() {
	const files = [
		"/etc/ssl/certs/ca-certificates.crt",
		process.env.NODE_EXTRA_CA_CERTS,
		process.env.SSL_CERT_FILE,
	];
	const found = new Map();
	for (const file of files)
		if (file && existsSync(file))
			for (const pem of split(readFileSync(file, "utf8")))
				found.set(identity(pem), pem);
	return [...found.values()];
}

function split(bundle) {
	return (
		bundle.match(
			/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g,
		) ?? []
	);
}

function identity(pem) {
	return new X509Certificate(pem).fingerprint256;
}

function slim(root) {
	const excluded = LEFT_OUT.map((path) => `path-exclude /${path}/*\n`).join("");
	const licences = "path-include /usr/share/doc/*/copyright\n";
	writeFileSync(join(root, "etc/dpkg/dpkg.cfg.d/slim"), excluded + licences);
	for (const path of LEFT_OUT) empty(join(root, path), path.endsWith("doc"));
	empty(join(root, "var/lib/apt/lists"));
	empty(join(root, "var/cache/apt"));
	empty(join(root, "var/log"));
	writeFileSync(
		join(root, "etc/apt/apt.conf.d/docker-clean"),
		`DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };\n`,
	);
}

function empty(folder, keepCopyright = false) {
	if (!existsSync(folder)) return;
	for (const entry of readdirSync(folder, {
		recursive: true,
		withFileTypes: true,
	})) {
		if (entry.isDirectory()) continue;
		if (keepCopyright && entry.name === "copyright") continue;
		rmSync(join(entry.parentPath, entry.name));
	}
}
