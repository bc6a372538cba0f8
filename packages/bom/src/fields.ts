export type Fields = Readonly<Record<string, unknown>>;

/** Own member of an object of others; absent for anything else, so that a wrong type reads as "not stated". */
export function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, key) ? (value as Fields)[key] : undefined;
}

/** A text that states something: empty, and SPDX's two ways to say nothing, are absent. */
export function stated(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  return text === '' || text === 'NOASSERTION' || text === 'NONE' ? undefined : text;
}

export function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function texts(values: readonly unknown[]): readonly string[] {
  return values.map(stated).filter((text) => text !== undefined);
}

/** An object without its absent members. */
export function present<T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
