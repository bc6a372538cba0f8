export type Path = readonly (string | number)[];
type Node = Record<string | number, unknown>;

export const ENTRY: Path = ['verificationMaterial', 'tlogEntries', 0];
export const CERTIFICATE: Path = ['verificationMaterial', 'certificate'];
export const TIMESTAMPS: Path = ['verificationMaterial', 'timestampVerificationData'];

/** The value at `path` of a JSON text. */
export function valueAt(text: string, path: Path): unknown {
  let value: unknown = JSON.parse(text);
  for (const key of path) value = (value as Node)[key];
  return value;
}

/** A copy of a JSON text with another value at `path`; `undefined` takes it away. */
export function withValue(text: string, path: Path, value: unknown): string {
  const root = JSON.parse(text) as Node;
  let holder = root;
  for (const key of path.slice(0, -1)) holder = holder[key] as Node;
  const last = path.at(-1) ?? '';
  if (value === undefined) delete holder[last];
  else holder[last] = value;
  return JSON.stringify(root);
}

/** `text` with what stands at `path` in `other`: a part of one good bundle in another. */
export function swapped(text: string, other: string, path: Path): string {
  return withValue(text, path, valueAt(other, path));
}

/** One bit changed near the end of the base64 text at `path`. */
export function flipped(text: string, path: Path): string {
  const bytes = Buffer.from(String(valueAt(text, path)), 'base64');
  const index = bytes.length - 2;
  bytes[index] = (bytes[index] ?? 0) ^ 0x01;
  return withValue(text, path, bytes.toString('base64'));
}
