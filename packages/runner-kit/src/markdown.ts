import { plainText } from './plain-text.js';

const MAX_TEXT = 2000;
/** Every ASCII character that Markdown or HTML gives a meaning, as a character reference: CommonMark 0.31.2, section 2.5. */
const MARKUP = /[!"#$%&'()*+<=>?@[\\\]^_`{|}~]/g;
const BREAK = '\u{200b}';

/**
 * Hostile text as Markdown that shows exactly that text on one line: no markup, HTML, image, mention, issue reference or link.
 * The service links mentions, issues and addresses in the rendered text, so those get a zero-width break as well.
 */
export function escapeMarkdown(text: string): string {
  return plainText(text, MAX_TEXT)
    .replaceAll(MARKUP, (character) => `&#${character.charCodeAt(0)};`)
    .replaceAll('&#64;', `&#64;${BREAK}`)
    .replaceAll(/&#35;(?=[0-9])/g, `&#35;${BREAK}`)
    .replaceAll(/\b(gh)-(?=[0-9])/gi, `$1${BREAK}-`)
    .replaceAll(/:(?=\/\/)/g, `:${BREAK}`)
    .replaceAll(/\b(www|mailto|xmpp)(?=[.:])/gi, `$1${BREAK}`)
    .replace(/^(\s*)([-+]|[0-9]+[.)]|:)/, `$1${BREAK}$2`);
}
