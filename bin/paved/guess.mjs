/** The nearest name when it is near enough, else where the names are listed. */
export function guess(word, names, help, prefix = '') {
  const near = names
    .map((name) => ({ name, distance: distance(word, name) }))
    .filter(({ name, distance: steps }) => steps <= Math.max(2, Math.floor(name.length / 3)))
    .sort((a, b) => a.distance - b.distance)[0];
  return near === undefined ? `Run "${help}"` : `Did you mean ${prefix}${near.name}?`;
}

/** Levenshtein, over at most 100 characters. */
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, left] of [...a.slice(0, 100)].entries()) {
    const next = [i + 1];
    for (const [j, right] of [...b].entries()) {
      next.push(Math.min(row[j] + (left === right ? 0 : 1), row[j + 1] + 1, next[j] + 1));
    }
    row = next;
  }
  return row[b.length];
}
