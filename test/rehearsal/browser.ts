import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { chromium } from "playwright-core";

/** Names of the browser on Debian, Ubuntu and in Google's packages. */
const programs = ["chromium", "chromium-browser", "google-chrome"];

export interface Visit {
	url: string;
	/** Where the names of this run lead: no resolver of this machine knows them. */
	address: string;
	/** The picture; its folder is made. */
	file: string;
	login?: { user: string; password: string };
	/** A text that has to be seen before the picture is taken. */
	text: string;
}

/** The browser's program, or undefined where this machine has none. */
export function findBrowser(): string | undefined {
	const folders = (process.env.PATH ?? "").split(delimiter);
	return programs
		.flatMap((name) => folders.map((folder) => join(folder, name)))
		.find((path) => existsSync(path));
}

/**
 * Opens a page as a person would and takes a picture of all of it.
 *
 * @param program the browser's.
 * @throws Error where the text does not show within half a minute, or a script
 *   of the page fails.
 */
export async function visit(
	program: string,
	{ url, address, file, login, text }: Visit,
): Promise<void> {
	const { hostname } = new URL(url);
	const browser = await chromium.launch({
		executablePath: program,
		args: [
			`--host-resolver-rules=MAP ${hostname} ${address}`,
			// As root, which a rehearsal often is, there is no sandbox; the pages are ours.
			...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
		],
	});
	try {
		const page = await browser.newPage({
			// Made by the rehearsal's own authority; that TLS is right is checked elsewhere.
			ignoreHTTPSErrors: true,
			viewport: { width: 1280, height: 900 },
			...(login
				? {
						httpCredentials: {
							username: login.user,
							password: login.password,
						},
					}
				: {}),
		});
		const errors: string[] = [];
		page.on("pageerror", (error) => errors.push(error.message));
		await page.goto(url, { waitUntil: "load" });
		await page.getByText(text).first().waitFor({ timeout: 30_000 });
		if (errors.length > 0) throw new Error(`${url}: ${errors.join("; ")}`);
		await mkdir(dirname(file), { recursive: true });
		await page.screenshot({ path: file, fullPage: true });
	} finally {
		await browser.close();
	}
}
