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
export function listAt(fields: Fields | undefined, key: string): readonly unknown[] {
  const value = fields !== undefined && Object.hasOwn(fields, key) ? fields[key] : undefined;
  return Array.isArray(value) ? value : NOTHING;
}

/** The objects of a list; other entries are dropped. */
export function objectsAt(fields: Fields | undefined, key: string): readonly Fields[] {
  return listAt(fields, key)
    .map(fieldsOf)
    .filter((entry) => entry !== undefined);
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

/** One line of hostile text, cut; escaping is the writer's duty. */
export function oneLine(text: string, most = MAX_LINE): string {
  const cut = text.length > 4 * most ? text.slice(0, 4 * most) : text;
  const line = /\s\s|[\t\n\r\v\f]/.test(cut) ? cut.replaceAll(/\s+/g, ' ').trim() : cut;
  return line.length > most ? [...line].slice(0, most).join('') : line;
}
