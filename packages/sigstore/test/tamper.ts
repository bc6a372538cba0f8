type Node = Record<string | number, unknown>;

/** A copy of a JSON text in which the value at `path` is replaced by what `change` makes of it. */
export function changed(text: string, path: readonly (string | number)[], change: (value: unknown) => unknown): string {
  const root = JSON.parse(text) as Node;
  const last = path.at(-1) ?? '';
  let holder = root;
  for (const key of path.slice(0, -1)) holder = holder[key] as Node;
  const value = change(holder[last]);
  if (value === undefined) delete holder[last];
  else holder[last] = value;
  return JSON.stringify(root);
}

/** One bit of a base64 text changed, `fromEnd` bytes before its end. */
export function flipBase64(value: unknown, fromEnd = 1): string {
  const bytes = Buffer.from(String(value), 'base64');
  const index = bytes.length - fromEnd;
  bytes[index] = (bytes[index] ?? 0) ^ 0x01;
  return bytes.toString('base64');
}

/** The value at `path` of a JSON text. */
export function valueAt(text: string, path: readonly (string | number)[]): unknown {
  let value: unknown = JSON.parse(text);
  for (const key of path) value = (value as Node)[key];
  return value;
}
