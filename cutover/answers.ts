import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline/promises";
import { z } from "zod";
import type { Question } from "./checkpoints/checkpoint";
import { ExitCode, UserError } from "./errors";
import type { ManualResult } from "./evidence";

/** A person's answers to a checkpoint's questions. */
export interface Answers {
	person: string;
	manual: ManualResult[];
}

const line = z.string().transform((text) => text.replace(/\s+/g, " ").trim());

const file = z.strictObject({
	person: line.pipe(z.string().min(1)),
	answers: z.record(
		z.string(),
		z.strictObject({ yes: z.boolean(), note: line.default("") }),
	),
});

/** A file of answers as it is to be filled in. */
export function exampleAnswers(questions: Question[]): string {
	const answers = questions.map(({ id }) => [id, { yes: true, note: "…" }]);
	return JSON.stringify({
		person: "your name",
		answers: Object.fromEntries(answers),
	});
}

/**
 * Answers out of a file, for where nobody sits at a terminal.
 *
 * @throws UserError where it is no such file, or answers other questions; refused
 *   where it answers no.
 */
export async function answersIn(
	path: string,
	questions: Question[],
): Promise<Answers> {
	const wrong = (found: string) =>
		new UserError({
			expected: `${path} to hold a name and an answer to each question of this checkpoint`,
			found,
			fix: `write it as ${exampleAnswers(questions)}${listed(questions)}`,
		});
	const text = await readFile(path, "utf8").catch((error: Error) => {
		throw wrong(error.message);
	});
	const parsed = file.safeParse(json(text));
	if (!parsed.success)
		throw wrong(
			parsed.error.issues
				.map(({ path: at, message }) => `${at.join(".") || "it"}: ${message}`)
				.join("; "),
		);
	const { person, answers } = parsed.data;
	const asked = questions.map(({ id }) => id);
	const missing = asked.filter((id) => !Object.hasOwn(answers, id));
	const unknown = Object.keys(answers).filter((id) => !asked.includes(id));
	if (missing.length + unknown.length > 0)
		throw wrong(
			[
				...missing.map((id) => `no answer to ${id}`),
				...unknown.map((id) => `${id}, which is not asked`),
			].join(", "),
		);
	return {
		person,
		manual: questions.map((question) => {
			const { yes, note } = answers[question.id] ?? { yes: false, note: "" };
			return answered(question, yes, note);
		}),
	};
}

/** Asks at the terminal; the first no, or the end of the input, ends it. */
export async function ask(
	checkpoint: string,
	questions: Question[],
): Promise<Answers> {
	const { stdin: input, stdout: output } = process;
	const terminal = createInterface({ input, output });
	const closed = new AbortController();
	terminal.once("close", () => closed.abort());
	const said = async (question: string) =>
		line.parse(
			await terminal
				.question(question, { signal: closed.signal })
				.catch(() => ""),
		);
	try {
		const manual: ManualResult[] = [];
		for (const question of questions) {
			const yes = /^y(es)?$/i.test(await said(`${question.text} [yes/no] `));
			manual.push(answered(question, yes, await said("  note: ")));
		}
		const person = await said(
			`Sign ${checkpoint}? Your name signs, an empty line refuses: `,
		);
		if (!person) throw refused(`a signature for ${checkpoint}`, "a refusal");
		return { person, manual };
	} finally {
		terminal.close();
	}
}

function answered(
	{ text }: Question,
	yes: boolean,
	note: string,
): ManualResult {
	if (!yes) throw refused(`yes to "${text}"`, `no${note ? `: ${note}` : ""}`);
	return { question: text, yes, note };
}

function refused(expected: string, found: string): UserError {
	const fix = "see to it, then run the checkpoint again; nothing was signed";
	return new UserError({ expected, found, fix }, ExitCode.refused);
}

/** The questions, for whoever fills in a file. */
export function listed(questions: Question[]): string {
	return questions.map(({ id, text }) => `\n     ${id}: ${text}`).join("");
}

function json(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
