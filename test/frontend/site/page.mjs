/** The element of that id, which the page has. */
export const element = (id) => document.getElementById(id);

/** Makes an element; strings among the children are text, never markup. */
export function make(tag, attributes = {}, ...children) {
	const made = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) {
		made.setAttribute(name, value);
	}
	made.append(...children);
	return made;
}

/** Shows a sentence, or hides the place for it. */
export function say(id, sentence = "", kind = "error") {
	const place = element(id);
	place.textContent = sentence;
	place.dataset.kind = kind;
	place.hidden = sentence === "";
}

/** Keeps a form's button from being pressed twice while `work` runs. */
export async function busy(form, work) {
	const button = form.querySelector("button[type=submit]");
	button.disabled = true;
	try {
		await work();
	} finally {
		button.disabled = false;
	}
}
