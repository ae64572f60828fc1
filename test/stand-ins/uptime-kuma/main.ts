import { startKuma } from "./server";

/** The image's program: where the official one listens and keeps its data. */
void startKuma({ port: 3001, folder: "/app/data" }).then(({ close }) => {
	process.stdout.write("stand-in for Uptime Kuma on port 3001\n");
	for (const signal of ["SIGTERM", "SIGINT"])
		process.once(signal, () => void close().then(() => process.exit(0)));
});
