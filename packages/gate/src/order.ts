/** Code-unit order, which no locale changes. */
export function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Sorted and without duplicates. */
export function unique(texts: Iterable<string>): readonly string[] {
  return [...new Set(texts)].sort(byText);
}
