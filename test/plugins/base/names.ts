import { createHash, randomBytes } from "node:crypto";
import type { CheckRequest } from "@pulumi/pulumi/proto/provider_pb";
import { CheckRequest as Request } from "@pulumi/pulumi/proto/provider_pb";

/** Length of the random suffix that official plugins append. */
const SUFFIX = 7;

/**
 * The physical name of a resource whose program gives none, by the rules of the
 * official bridge (pulumi-terraform-bridge, ComputeAutoNameDefault): the
 * resource's name, a dash and seven hex digits drawn from the engine's seed, or
 * what the project's `pulumi:autonaming` configuration proposes.
 *
 * @throws Error where automatic naming is disabled or the name is too long
 */
export function autoname(request: CheckRequest, maxLength: number): string {
	const options = request.getAutonaming();
	if (options) {
		switch (options.getMode()) {
			case Request.AutonamingOptions.Mode.DISABLE:
				throw new Error(
					"automatic naming is disabled but no explicit name was provided",
				);
			case Request.AutonamingOptions.Mode.ENFORCE:
				return options.getProposedName();
			default:
				return bounded(options.getProposedName(), maxLength);
		}
	}
	const seed = Buffer.from(request.getRandomseed_asU8());
	const random =
		seed.length > 0
			? createHash("sha512").update(seed).digest("hex")
			: randomBytes(SUFFIX).toString("hex");
	return bounded(`${request.getName()}-${random.slice(0, SUFFIX)}`, maxLength);
}

function bounded(name: string, maxLength: number): string {
	if (name.length > maxLength) {
		throw new Error(
			`calculated name '${name}' exceeds maximum length of ${maxLength}`,
		);
	}
	return name;
}
