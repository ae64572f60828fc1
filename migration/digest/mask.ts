/** Longer values are shown up to here. */
const SHOWN_CHARACTERS = 500;

/**
 * SQL that tells of a text only how long it is and what it is made of, so that no
 * value leaves the database: `5 characters: digits, others`. NULL stays NULL.
 */
export function maskedText(text: string): string {
	return `
		CASE WHEN ${text} = '' THEN 'empty' ELSE
			length(${text}) || CASE length(${text}) WHEN 1 THEN ' character: ' ELSE ' characters: ' END
			|| concat_ws(', ',
				CASE WHEN ${text} ~ '[A-Za-z]' THEN 'letters' END,
				CASE WHEN ${text} ~ '[0-9]' THEN 'digits' END,
				CASE WHEN ${text} ~ '[^A-Za-z0-9]' THEN 'others' END
			)
		END`;
}

/** SQL of a text as it is, cut where it is long. */
export function shownText(text: string): string {
	return `
		CASE WHEN length(${text}) <= ${SHOWN_CHARACTERS} THEN ${text}
		ELSE left(${text}, ${SHOWN_CHARACTERS}) || '… (' || length(${text}) || ' characters)' END`;
}
