/** What a rehearsal does and tells of it, in words. */
export interface Step {
	title: string;
	run(): Promise<string>;
}
