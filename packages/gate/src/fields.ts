/** Reads single members of documents that others made, without copying the rest; what is of another kind is absent. */
export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

const NONE: Fields = Object.freeze(Object.create(null));

/** The member as an object; an empty one where there is none. */
export function objectAt(fields: Fields | undefined, key: string): Fields {
  return fields !== undefined && Object.hasOwn(fields, key) ? (fieldsOf(fields[key]) ?? NONE) : NONE;
}

const NOTHING: readonly unknown[] = [];
const NO_OBJECTS: readonly Fields[] = [];

export function listAt(fields: Fields | undefined, key: string): readonly unknown[] {
  const value = fields !== undefined && Object.hasOwn(fields, key) ? fields[key] : undefined;
  return Array.isArray(value) ? value : NOTHING;
}

/** The objects of a list; other entries are dropped. */
export function objectsAt(fields: Fields | undefined, key: string): readonly Fields[] {
  const list = listAt(fields, key);
  if (list.length === 0) return NO_OBJECTS;
  return list.map(fieldsOf).filter((entry) => entry !== undefined);
}

export function textAt(fields: Fields | undefined, key: string): string {
  const value = fields !== undefined && Object.hasOwn(fields, key) ? fields[key] : undefined;
  return typeof value === 'string' ? value : '';
}

export function textsAt(fields: Fields | undefined, key: string): readonly string[] {
  return listAt(fields, key).filter((entry) => typeof entry === 'string');
}

export function numberAt(fields: Fields | undefined, key: string): number | undefined {
  const value = fields !== undefined && Object.hasOwn(fields, key) ? fields[key] : undefined;
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

const MAX_LINE = 300;
/** Looked for one by one: six searches of the engine are faster than one pattern. */
const BREAKS = ['\n', '  ', '\t', '\r', '\v', '\f'];

/** One line of hostile text, cut; escaping is the writer's duty. */
export function oneLine(text: string, most = MAX_LINE): string {
  // A little more than is kept, because blanks are taken together below.
  const cut = text.length > most + 100 ? text.slice(0, most + 100) : text;
  const line = BREAKS.some((blank) => cut.includes(blank)) ? cut.replaceAll(/\s+/g, ' ').trim() : cut;
  if (line.length <= most) return line;
  // Half of a surrogate pair is no character.
  const code = line.charCodeAt(most - 1);
  const end = code >= 0xd800 && code <= 0xdbff ? most - 1 : most;
  // Put together anew: a slice would keep the whole text in memory, and the collector of garbage would carry it along.
  return [line.slice(0, end - 1), line.slice(end - 1, end)].join('');
}
