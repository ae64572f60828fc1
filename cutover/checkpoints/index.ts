import type { CheckpointName } from "../signatures";
import type { Checkpoint } from "./checkpoint";
import { cutoverComplete } from "./cutover-complete";
import { productionReady } from "./production-ready";
import { stabilized } from "./stabilized";
import { stagingVerified } from "./staging-verified";

/** The four checkpoints of the ladder. */
export const checkpoints: Record<CheckpointName, Checkpoint> = {
	"staging-verified": stagingVerified,
	"production-ready": productionReady,
	"cutover-complete": cutoverComplete,
	stabilized,
};
