import { connect, type PeerCertificate, rootCertificates } from "node:tls";
import { type Check, expect } from "../check";
import { trustedRoot } from "../http";
import type { Place } from "./site";

const day = 86_400_000;

/** What is left of a certificate's lifetime; Caddy renews when a third is left. */
const leastShare = 1 / 3;

/**
 * Every name has its certificate at the new address before it leads there: made
 * out to it, by an authority that browsers trust, and not about to end.
 */
export function certificatesValid(place: Place): Check {
	return {
		name: "certificates by name at the new address",
		lookAt:
			"docker service logs caddy on the Droplet, and the step certificates-issue (pulumi up --replace issues anew)",
		async run() {
			const { outputs, port } = place;
			const { hostnames, reservedIp } = outputs;
			const names = Object.values(hostnames);
			const seen = await Promise.allSettled(
				names.map((name) => daysLeft(name, reservedIp, port)),
			);
			const wrong = seen.flatMap((result, index) =>
				result.status === "rejected"
					? [`${names[index]}: ${(result.reason as Error).message}`]
					: [],
			);
			expect(wrong.length === 0, wrong.join("; "));
			const left = seen.map((result) =>
				result.status === "fulfilled" ? result.value : 0,
			);
			return `${names.length} names, ${Math.floor(Math.min(...left))} days left`;
		},
	};
}

/**
 * Days that a name's certificate at this address is still valid.
 *
 * @throws Error where it is none for the name, not trusted, or soon over.
 */
async function daysLeft(
	name: string,
	address: string,
	port: number,
): Promise<number> {
	const certificate = await certificateOf(name, address, port);
	const [from, to] = [certificate.valid_from, certificate.valid_to].map(
		(text) => Date.parse(text),
	) as [number, number];
	// By the wall clock, as browsers judge it: no rehearsal moves that one.
	const left = to - Date.now();
	expect(
		left >= (to - from) * leastShare,
		`ends ${certificate.valid_to}: ${(left / day).toFixed(1)} of ${((to - from) / day).toFixed(1)} days left, a third at least is needed`,
	);
	return left / day;
}

/** Node refuses what is of another name, of no known authority or past its time. */
function certificateOf(
	servername: string,
	host: string,
	port: number,
): Promise<PeerCertificate> {
	const ca = trustedRoot();
	return new Promise((resolve, reject) => {
		const socket = connect(
			{
				...{ host, port, servername },
				...(ca ? { ca: [...rootCertificates, ca] } : {}),
			},
			() => {
				resolve(socket.getPeerCertificate());
				socket.destroy();
			},
		);
		socket.setTimeout(5_000, () =>
			socket.destroy(new Error("no answer within 5 s")),
		);
		socket.once("error", reject);
	});
}
