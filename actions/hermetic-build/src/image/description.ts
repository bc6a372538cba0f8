import { array, object, optional, parseJson, record, string } from '@paved/json';
import { parse } from 'yaml';
import { HermeticBuildError } from '../error.js';

export interface ImageFile {
  /** Relative to the collected outputs: a file, or a folder with all below it. */
  readonly from: string;
  /** Absolute path in the image. */
  readonly to: string;
  /** Octal permission bits; default 0755 for what the build made executable, else 0644. */
  readonly mode?: string;
}

export interface ImageDescription {
  /** `os/architecture[/variant]` to what its own layer holds. */
  readonly platforms: Readonly<Record<string, { readonly files: readonly ImageFile[] }>>;
  /** An OCI layout in the source tree, by digest; without it the image is made from scratch. */
  readonly base?: { readonly path: string; readonly digest: string };
  readonly user?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly workdir?: string;
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly expose?: readonly string[];
  readonly volume?: readonly string[];
  readonly 'stop-signal'?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

const file = object({ from: string, to: string, mode: optional(string) });
const description = object({
  platforms: record(object({ files: array(file) })),
  base: optional(object({ path: string, digest: string })),
  user: optional(string),
  env: optional(record(string)),
  workdir: optional(string),
  entrypoint: optional(array(string)),
  cmd: optional(array(string)),
  expose: optional(array(string)),
  volume: optional(array(string)),
  'stop-signal': optional(string),
  labels: optional(record(string)),
});
const FIELDS = [
  'platforms',
  'base',
  'user',
  'env',
  'workdir',
  'entrypoint',
  'cmd',
  'expose',
  'volume',
  'stop-signal',
  'labels',
];

const PATTERNS = {
  platform: /^[a-z0-9]+\/[a-z0-9_]+(?:\/[a-z0-9.]+)?$/,
  user: /^[A-Za-z0-9_][A-Za-z0-9_.-]*(?::[A-Za-z0-9_][A-Za-z0-9_.-]*)?$/,
  absolute: /^\/(?:[^/\0\\]+(?:\/[^/\0\\]+)*)?$/,
  port: /^\d{1,5}(?:\/(?:tcp|udp|sctp))?$/,
  signal: /^(?:SIG[A-Z0-9+-]{2,12}|\d{1,2})$/,
  variable: /^[A-Za-z_][A-Za-z0-9_]*$/,
  digest: /^sha256:[0-9a-f]{64}$/,
  mode: /^0?[0-7]{3}$/,
} as const;

/**
 * Reads an image description; a field that it does not know is refused, because it would silently be left out of the image.
 * @throws {HermeticBuildError} `IMAGE_INVALID`
 */
export function parseImageDescription(text: string): ImageDescription {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0, schema: 'core' });
  } catch (cause) {
    throw invalidImage('it is not YAML', cause);
  }
  const unknownField = Object.keys(value !== null && typeof value === 'object' ? value : {}).find(
    (name) => !FIELDS.includes(name),
  );
  if (unknownField !== undefined) throw invalidImage(`"${unknownField.slice(0, 60)}" is none of ${FIELDS.join(', ')}`);
  const image = parseJson('the image description', JSON.stringify(value ?? null), description) as ImageDescription;
  if (Object.keys(image.platforms).length === 0) throw invalidImage('it names no platform');
  for (const [platform, { files }] of Object.entries(image.platforms)) {
    check('platform', platform);
    for (const { from, to, mode } of files) {
      check('absolute', to);
      if (mode !== undefined) check('mode', mode);
      for (const path of [from, to]) assertPlain(path);
    }
  }
  checkFields(image);
  return image;
}

/**
 * The description with these platforms alone, as a machine needs it that builds its own of several; all of them without `platforms`.
 * @throws {HermeticBuildError} `IMAGE_INVALID` for a platform that the description does not name
 */
export function selectPlatforms(image: ImageDescription, platforms: readonly string[] | undefined): ImageDescription {
  if (platforms === undefined) return image;
  const unknown = platforms.find((platform) => !Object.hasOwn(image.platforms, platform));
  if (unknown !== undefined) throw invalidImage(`it does not name the platform "${unknown.slice(0, 100)}"`);
  const chosen = Object.entries(image.platforms).filter(([platform]) => platforms.includes(platform));
  return { ...image, platforms: Object.fromEntries(chosen) };
}

function checkFields(image: ImageDescription): void {
  if (image.base !== undefined) check('digest', image.base.digest);
  if (image.user !== undefined) check('user', image.user);
  if (image.workdir !== undefined) check('absolute', image.workdir);
  if (image['stop-signal'] !== undefined) check('signal', image['stop-signal']);
  for (const name of Object.keys(image.env ?? {})) check('variable', name);
  for (const port of image.expose ?? []) check('port', port);
  for (const path of image.volume ?? []) check('absolute', path);
}

function check(kind: keyof typeof PATTERNS, text: string): void {
  if (!PATTERNS[kind].test(text)) throw invalidImage(`"${text.slice(0, 100)}" is no ${kind}`);
}

function assertPlain(path: string): void {
  const segments = path.split('/').slice(path.startsWith('/') ? 1 : 0);
  if (segments.some((part) => part === '.' || part === '..' || part.startsWith('.wh.'))) {
    throw invalidImage(`"${path.slice(0, 100)}" is no plain path`);
  }
}

export function invalidImage(state: string, cause?: unknown): HermeticBuildError {
  return new HermeticBuildError('IMAGE_INVALID', `Cannot build the image: ${state}`, {
    cause,
    hint: 'See docs/images.md for the fields of the description',
  });
}
