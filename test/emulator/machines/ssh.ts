import { Client } from "ssh2";

/** A root session on a Droplet whose host key is known beforehand. */
export class Ssh {
	readonly #client = new Client();

	private constructor() {}

	static connect(options: {
		host: string;
		privateKey: string;
		/** The only host key that is accepted, in OpenSSH's form. */
		hostKey: string;
	}): Promise<Ssh> {
		const expected = options.hostKey.split(" ")[1];
		const ssh = new Ssh();
		return new Promise((resolve, reject) => {
			ssh.#client
				.once("ready", () => resolve(ssh))
				.once("error", reject)
				.connect({
					host: options.host,
					username: "root",
					privateKey: options.privateKey,
					hostVerifier: (key: Buffer) => key.toString("base64") === expected,
					readyTimeout: 10_000,
				});
		});
	}

	/** Runs a script with sh; resolves with its standard output, rejects when it fails. */
	run(script: string): Promise<string> {
		return new Promise((resolve, reject) => {
			this.#client.exec("sh -es", (error, channel) => {
				if (error) return reject(error);
				let output = "";
				let errors = "";
				channel.on("data", (chunk: Buffer) => {
					output += chunk;
				});
				channel.stderr.on("data", (chunk: Buffer) => {
					errors += chunk;
				});
				channel.once("close", (code: number | null) => {
					if (code === 0) resolve(output.trim());
					else reject(new Error(`ended with ${code}: ${errors || output}`));
				});
				channel.end(script);
			});
		});
	}

	close(): void {
		this.#client.end();
	}
}
