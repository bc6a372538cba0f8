/** Code-unit order, which no locale changes. */
export function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Sorted and without duplicates. */
export function unique(texts: Iterable<string>): readonly string[] {
  // Most lists have one or two entries, and there are several for each of a hundred thousand findings.
  if (Array.isArray(texts) && texts.length < 3) return uniqueOfTwo(texts);
  return [...new Set(texts)].sort(byText);
}

function uniqueOfTwo(texts: readonly string[]): readonly string[] {
  const [a, b] = texts;
  if (a === undefined || b === undefined || a === b) return texts.slice(0, 1);
  return a < b ? [a, b] : [b, a];
}
