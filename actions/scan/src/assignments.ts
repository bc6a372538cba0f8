import { ScanError } from './error.js';

/** `name=value` lines of one input as a map; each name once, and one of `names`. @throws {ScanError} `INPUT_INVALID` */
export function assignments(
  input: string,
  lines: readonly string[],
  names: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of lines) {
    const cut = line.indexOf('=');
    const [name, value] = [line.slice(0, Math.max(cut, 0)).trim(), line.slice(cut + 1).trim()];
    const state = problemOf(name, value, values, names);
    if (state !== undefined) {
      throw new ScanError('INPUT_INVALID', `Cannot read ${input} line "${line.slice(0, 80)}": ${state}`, {
        hint: `Write name=value, with one of: ${[...names].join(', ')}`,
      });
    }
    values.set(name, value);
  }
  return values;
}

function problemOf(
  name: string,
  value: string,
  values: ReadonlyMap<string, string>,
  names: ReadonlySet<string>,
): string | undefined {
  if (name === '' || value === '') return 'it is not name=value';
  if (!names.has(name)) return 'nothing of that name is asked for';
  return values.has(name) ? 'the name is there twice' : undefined;
}
