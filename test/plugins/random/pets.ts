import { randomInt } from "node:crypto";

/* Words of our own: the official lists are long, and any word will do. */
const ADVERBS = [
	"boldly",
	"calmly",
	"gladly",
	"kindly",
	"mostly",
	"neatly",
	"partly",
	"safely",
	"warmly",
	"wisely",
];
const ADJECTIVES = [
	"able",
	"brave",
	"bright",
	"calm",
	"eager",
	"fair",
	"gentle",
	"happy",
	"keen",
	"lively",
	"modest",
	"noble",
	"quick",
	"sound",
	"steady",
	"true",
];
const ANIMALS = [
	"badger",
	"beaver",
	"bison",
	"crane",
	"dingo",
	"falcon",
	"gecko",
	"heron",
	"ibex",
	"lynx",
	"marmot",
	"otter",
	"panda",
	"raven",
	"seal",
	"tapir",
];

/** `words` words that end in an animal: `calm-otter`, `gladly-keen-lynx`. */
export function petName(words: number, separator: string): string {
	const parts: string[] = [];
	for (let i = 2; i < words; i++) {
		parts.push(pick(ADVERBS));
	}
	if (words >= 2) {
		parts.push(pick(ADJECTIVES));
	}
	parts.push(pick(ANIMALS));
	return parts.join(separator);
}

function pick(list: readonly string[]): string {
	return list[randomInt(list.length)] ?? "";
}
