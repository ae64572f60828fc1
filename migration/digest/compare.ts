export { type Difference, describeDifference } from "./difference";
