import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type * as command from "@pulumi/command";
import type { Unwrap } from "@pulumi/pulumi";
import type { SFTPWrapper, Stats } from "ssh2";
import type { Operation } from "../base/resource";
import { typed } from "../base/typed";
import { Asset } from "../base/values";
import { type Connection, dial } from "./connection";
import { uniqueId } from "./lifecycle";

type Args = Omit<Unwrap<command.remote.CopyToRemoteArgs>, "source"> & {
	source: Asset;
};

/** The few calls of SFTP that a copy takes, as promises. */
class Remote {
	constructor(private readonly sftp: SFTPWrapper) {}

	/** Undefined where there is nothing at `path`. */
	stat(path: string): Promise<Stats | undefined> {
		return new Promise((resolve) =>
			this.sftp.stat(path, (error, stats) =>
				resolve(error ? undefined : stats),
			),
		);
	}

	/** Makes a folder and those above it. */
	async makeFolder(path: string): Promise<void> {
		const found = await this.stat(path);
		if (found?.isDirectory()) {
			return;
		}
		if (found) {
			throw new Error(`remote path ${path} exists but is not a directory`);
		}
		await this.makeFolder(dirname(path));
		await new Promise<void>((resolve, reject) =>
			this.sftp.mkdir(path, (error) =>
				error
					? reject(
							new Error(
								`failed to create remote directory ${path}: ${error.message}`,
							),
						)
					: resolve(),
			),
		);
	}

	write(path: string, content: Buffer): Promise<void> {
		return new Promise((resolve, reject) =>
			this.sftp.writeFile(path, content, (error) =>
				error
					? reject(
							new Error(
								`failed to create remote file ${path}: ${error.message}`,
							),
						)
					: resolve(),
			),
		);
	}

	/** A file at `path`, or in it where that is a folder and the file has a name. */
	async place(path: string, name: string, content: Buffer): Promise<void> {
		const found = await this.stat(path);
		if (found?.isDirectory()) {
			if (name === "") {
				throw new Error(
					`remote path ${path} is a directory; when using a text asset, remotePath must be a file path`,
				);
			}
			await this.write(join(path, name), content);
			return;
		}
		await this.makeFolder(dirname(path));
		await this.write(path, content);
	}

	/** A folder of this machine, with all in it, as the folder `path`. */
	async placeFolder(source: string, path: string): Promise<void> {
		await this.makeFolder(path);
		for (const entry of readdirSync(source, { withFileTypes: true })) {
			const from = join(source, entry.name);
			const to = join(path, entry.name);
			await (entry.isDirectory()
				? this.placeFolder(from, to)
				: this.write(to, readFileSync(from)));
		}
	}
}

async function placeAsset(
	remote: Remote,
	source: Asset,
	path: string,
): Promise<void> {
	const { text, path: local, assets } = source.fields;
	if (typeof text === "string") {
		await remote.place(path, "", Buffer.from(text));
	} else if (typeof local === "string") {
		await placeLocal(remote, local, path);
	} else if (typeof assets === "object" && assets !== null) {
		for (const [name, asset] of Object.entries(assets)) {
			if (asset instanceof Asset) {
				const to = join(path, name);
				await remote.makeFolder(dirname(to));
				await placeAsset(remote, asset, to);
			}
		}
	} else {
		throw new Error(
			"assets from an address are not part of this stand-in: give a path or a text",
		);
	}
}

/** A folder goes into the remote one, its content alone with a slash at the end. */
async function placeLocal(
	remote: Remote,
	local: string,
	path: string,
): Promise<void> {
	if (!statSync(local).isDirectory()) {
		await remote.place(path, basename(local), readFileSync(local));
		return;
	}
	await remote.placeFolder(
		local,
		local.endsWith("/") ? path : join(path, basename(local)),
	);
}

async function copy(
	{ connection, source, remotePath }: Args,
	operation: Operation,
): Promise<void> {
	const client = await dial(connection as Connection, {
		signal: operation.signal,
		progress: (line) => operation.engine.status(operation.urn, line),
	});
	try {
		const sftp = await new Promise<SFTPWrapper>((resolve, reject) =>
			client.sftp((error, session) =>
				error ? reject(error) : resolve(session),
			),
		);
		await placeAsset(new Remote(sftp), source, remotePath);
	} finally {
		client.end();
	}
}

/** `command:remote:CopyToRemote`. Nothing is removed when it is deleted. */
export const copyToRemote = typed<Args, Args>({
	async create(args, operation) {
		await copy(args, operation);
		return { id: uniqueId(""), outputs: args };
	},
	async update(_id, olds, news, operation) {
		const changed =
			olds.source.fields.hash !== news.source.fields.hash ||
			olds.remotePath !== news.remotePath;
		if (changed) {
			await copy(news, operation);
		}
		return news;
	},
});
