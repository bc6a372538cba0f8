const MAX_QUOTED = 100;
// Control characters, line and paragraph separators, zero-width and bidirectional marks: what can hide or reorder text.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const PRINTABLE = /^[ -~]*$/;

/** One line without invisible or reordering characters, cut to `maxLength`. */
export function plainText(text: string, maxLength: number): string {
  const spaced = text.replaceAll(/\s+/g, ' ');
  // The pattern of all scripts takes longer to compile than most actions take to write their log.
  const line = PRINTABLE.test(spaced) ? spaced : spaced.replaceAll(INVISIBLE, '\u{fffd}');
  return line.length <= maxLength ? line : `${[...line.slice(0, maxLength - 1)].join('').toWellFormed()}…`;
}

/** Text of others inside a message: quoted, one line, at most 100 characters. */
export function quote(text: string): string {
  return JSON.stringify(plainText(text, MAX_QUOTED));
}
