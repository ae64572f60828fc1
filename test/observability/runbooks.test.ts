import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { settingNames } from "../../infra/settings";
import { readAlerts } from "./rules";

const root = join(__dirname, "../..");
const text = readFileSync(join(root, "docs/RUNBOOKS.md"), "utf8");

/** Each alert's section, by its heading. */
const sections = new Map(
	text
		.split(/^### /m)
		.slice(1)
		.map((section) => {
			const [heading = ""] = section.split("\n");
			return [heading, section.replace(/^## [\s\S]*/m, "")];
		}),
);

describe("runbooks", () => {
	it("have a section for every alert, and for nothing else", () => {
		const alerts = readAlerts().map(({ alert }) => alert);
		assert.deepEqual([...sections.keys()].sort(), alerts.sort());
	});

	it("say of each what it means, where to look and what to do", () => {
		for (const [alert, section] of sections)
			for (const part of ["**Means** ", "**Look** ", "**Do** "])
				assert.equal(section.split(`\n${part}`).length, 2, alert + part);
	});

	it("lead to sections, scripts and keys that there are", () => {
		const anchors = [...sections.keys()].map((name) => name.toLowerCase());
		for (const [, anchor = ""] of text.matchAll(/\]\(#([^)]*)\)/g))
			assert.ok(anchors.includes(anchor), anchor);
		const { scripts } = JSON.parse(
			readFileSync(join(root, "package.json"), "utf8"),
		);
		for (const [, script = ""] of text.matchAll(/npm run (?:-s )?([\w-]+)/g))
			assert.ok(script in scripts, `npm run ${script}`);
		for (const [, key = ""] of text.matchAll(/cutover:([a-zA-Z]+)/g))
			assert.ok(settingNames.includes(key), `cutover:${key}`);
	});
});
