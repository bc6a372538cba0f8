import { PavedError } from '@paved/errors';

export class JsonError extends PavedError<'JSON_MALFORMED' | 'JSON_UNEXPECTED' | 'JSON_TOO_LARGE'> {}

/** Turns outside data into `T` or throws {@link JsonError} `JSON_UNEXPECTED` that names the field, as `$.a.b[3]`. */
export type Decoder<T> = (value: unknown, path?: string) => T;

const OPTIONAL: unique symbol = Symbol('optional');
type OptionalDecoder<T> = Decoder<T | undefined> & { readonly [OPTIONAL]: true };

type OptionalKeys<S> = { [K in keyof S]: S[K] extends OptionalDecoder<unknown> ? K : never }[keyof S];
type Decoded<D> = D extends Decoder<infer T> ? T : never;
type Shape = Readonly<Record<string, Decoder<unknown>>>;
type ObjectOf<S extends Shape> = { readonly [K in Exclude<keyof S, OptionalKeys<S>>]: Decoded<S[K]> } & {
  readonly [K in OptionalKeys<S>]?: Exclude<Decoded<S[K]>, undefined>;
};

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function unexpected(path: string, wanted: string, value: unknown): JsonError {
  return new JsonError('JSON_UNEXPECTED', `Cannot read field "${path}": it is ${kindOf(value)}, expected ${wanted}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const unknown: Decoder<unknown> = (value) => value;

export const string: Decoder<string> = (value, path = '$') => {
  if (typeof value !== 'string') throw unexpected(path, 'string', value);
  return value;
};

export const boolean: Decoder<boolean> = (value, path = '$') => {
  if (typeof value !== 'boolean') throw unexpected(path, 'boolean', value);
  return value;
};

export const number: Decoder<number> = (value, path = '$') => {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw unexpected(path, 'finite number', value);
  return value;
};

export const integer: Decoder<number> = (value, path = '$') => {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw unexpected(path, 'integer', value);
  return value;
};

export function literal<const T extends string | number | boolean | null>(...allowed: readonly T[]): Decoder<T> {
  return (value, path = '$') => {
    const found = allowed.find((candidate) => candidate === value);
    if (found === undefined) throw unexpected(path, allowed.map((item) => JSON.stringify(item)).join(' or '), value);
    return found;
  };
}

export function array<T>(item: Decoder<T>): Decoder<readonly T[]> {
  return (value, path = '$') => {
    if (!Array.isArray(value)) throw unexpected(path, 'array', value);
    return value.map((entry, index) => item(entry, `${path}[${index}]`));
  };
}

/** An object used as a map; the result has no prototype, so a key like `__proto__` is only a key. */
export function record<T>(item: Decoder<T>): Decoder<Readonly<Record<string, T>>> {
  return (value, path = '$') => {
    if (!isRecord(value)) throw unexpected(path, 'object', value);
    const result: Record<string, T> = Object.create(null);
    for (const key of Object.keys(value)) result[key] = item(value[key], `${path}.${key}`);
    return result;
  };
}

/** Decodes the named fields and drops all others. */
export function object<const S extends Shape>(shape: S): Decoder<ObjectOf<S>> {
  return (value, path = '$') => {
    if (!isRecord(value)) throw unexpected(path, 'object', value);
    const result: Record<string, unknown> = {};
    for (const [key, decoder] of Object.entries(shape)) {
      const decoded = decoder(Object.hasOwn(value, key) ? value[key] : undefined, `${path}.${key}`);
      if (decoded !== undefined) result[key] = decoded;
    }
    return result as ObjectOf<S>;
  };
}

/** Absent stays absent; `null` is not absent (see {@link nullable}). */
export function optional<T>(decoder: Decoder<T>): OptionalDecoder<T> {
  const decode: Decoder<T | undefined> = (value, path = '$') =>
    value === undefined ? undefined : decoder(value, path);
  return Object.assign(decode, { [OPTIONAL]: true } as const);
}

export function nullable<T>(decoder: Decoder<T>): Decoder<T | null> {
  return (value, path = '$') => (value === null ? null : decoder(value, path));
}

/** Tries each decoder in turn and throws the last one's error. */
export function oneOf<T>(first: Decoder<T>, ...others: readonly Decoder<T>[]): Decoder<T> {
  return (value, path = '$') => {
    let failure: unknown;
    for (const decoder of [first, ...others]) {
      try {
        return decoder(value, path);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  };
}

/** Adds a condition (or a parse step) to a decoder; `parse` throws for what it refuses. */
export function refine<A, B>(decoder: Decoder<A>, parse: (value: A) => B): Decoder<B> {
  return (value, path = '$') => {
    const decoded = decoder(value, path);
    try {
      return parse(decoded);
    } catch (cause) {
      throw new JsonError('JSON_UNEXPECTED', `Cannot read field "${path}"`, { cause });
    }
  };
}
