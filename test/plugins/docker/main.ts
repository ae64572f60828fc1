import { main } from "../base/provider";
import { provider } from "./provider";

main(provider);
