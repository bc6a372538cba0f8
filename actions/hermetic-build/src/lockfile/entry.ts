import { array, boolean, type Decoder, object, oneOf, optional, record, refine, string, unknown } from '@paved/json';

const strings = record(string);

/** npm writes `["x"]`; packages of old have `"x"`. */
const words: Decoder<readonly string[]> = oneOf(
  array(string),
  refine(string, (word) => [word]),
);

/** `license` of a manifest: text, or in packages of old `{ type }` or a list of these; anything else counts as not declared. */
export const licenceField: Decoder<string | undefined> = (value) => {
  if (typeof value === 'string') return value === '' ? undefined : value;
  if (Array.isArray(value)) {
    const all = value.map((item) => licenceField(item)).filter((item) => item !== undefined);
    return all.length < 2 ? all[0] : `(${all.join(' OR ')})`;
  }
  const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
  return typeof type === 'string' && type !== '' ? type : undefined;
};

/** One member of `packages` in a lock file of version 2 or 3 (npm documentation, "package-lock.json", "packages"). */
export interface LockEntry {
  readonly name?: string;
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  /** Of yarn 2 and later: `<cache key>/<hex>` with the SHA-512 of the zip that yarn makes of the archive. */
  readonly zipChecksum?: string;
  /** Of yarn 2 and later: `name@reference`, which names the file in its cache. */
  readonly locator?: string;
  /** Changes that lie in the source, in the order in which they are applied; relative to it. */
  readonly patches?: readonly string[];
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
  readonly inBundle?: boolean;
  readonly hasInstallScript?: boolean;
  readonly license?: string | undefined;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly bin?: Readonly<Record<string, string>> | string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export const lockEntry: Decoder<LockEntry> = object({
  name: optional(string),
  version: optional(string),
  resolved: optional(string),
  integrity: optional(string),
  link: optional(boolean),
  dev: optional(boolean),
  optional: optional(boolean),
  devOptional: optional(boolean),
  inBundle: optional(boolean),
  hasInstallScript: optional(boolean),
  license: licenceField,
  os: optional(words),
  cpu: optional(words),
  libc: optional(words),
  bin: optional(oneOf<Readonly<Record<string, string>> | string>(strings, string)),
  dependencies: optional(strings),
  devDependencies: optional(strings),
  optionalDependencies: optional(strings),
  peerDependencies: optional(strings),
});

export const lockDocument = object({
  lockfileVersion: optional(unknown),
  name: optional(string),
  version: optional(string),
  packages: optional(record(lockEntry)),
});
