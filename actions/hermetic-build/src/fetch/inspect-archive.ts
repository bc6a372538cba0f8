import { object, optional, parseJson, string, unknown } from '@paved/json';
import { walkArchive } from '../build/archive.js';
import { HermeticBuildError } from '../error.js';
import { licenceField } from '../lockfile/entry.js';

const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
const manifest = object({
  name: optional(unknown),
  version: optional(string),
  license: licenceField,
  licenses: licenceField,
});

/** A package that lies inside another one's archive; `path` is its folder in it. */
export interface InnerPackage {
  readonly path: string;
  readonly name: string;
  readonly version: string;
}

/** What the archive says of itself. */
export interface ArchiveFacts {
  readonly licence?: string;
  /** Packages that it brings along in its node_modules. */
  readonly inner: readonly InnerPackage[];
}

const INNER = /^((?:node_modules\/(?:@[^/]+\/)?[^/@][^/]*\/)+)package\.json$/;
const MAX_INNER = 10_000;

/**
 * Reads the whole archive once, so that a hostile one is refused before any user code runs, and holds its package.json to the
 * lock file's name and version: a registry answer and an archive that disagree hide what is installed ("manifest confusion").
 * @throws {HermeticBuildError} `ARCHIVE_UNSAFE`, `PACKAGE_MISMATCH`
 */
export async function inspectArchive(path: string, name: string, version: string): Promise<ArchiveFacts> {
  const label = `${name}@${version}`;
  const texts: string[] = [];
  const inner = new Map<string, InnerPackage>();
  await walkArchive(label, path, async (file, content) => {
    if (file.path === 'package.json') texts.push(await readText(label, content));
    const folder = INNER.exec(file.path)?.[1]?.slice(0, -1);
    if (folder !== undefined) inner.set(folder, innerPackage(folder, await readText(label, content)));
    if (inner.size > MAX_INNER) throw mismatch(label, `it brings more than ${MAX_INNER} packages along`);
  });
  const [text, second] = texts;
  if (text === undefined) throw mismatch(label, 'it has no package.json');
  // Which of two counts depends on who unpacks.
  if (second !== undefined) throw mismatch(label, 'it has package.json twice');
  const found = parseJson(`package.json of "${label}"`, text.replace(/^\u{feff}/u, ''), manifest);
  if (found.name !== name) throw mismatch(label, 'its package.json has another name');
  if (found.version === undefined || bare(found.version) !== bare(version)) {
    throw mismatch(label, 'its package.json has another version');
  }
  const licence = found.license ?? found.licenses;
  return { ...(licence === undefined ? {} : { licence }), inner: [...inner.values()] };
}

/** What cannot be read is nobody: no lock file can name it, and a package of old may have left it there. */
function innerPackage(path: string, text: string): InnerPackage {
  try {
    const { name, version = '' } = parseJson(path, text.replace(/^\u{feff}/u, ''), manifest);
    return { path, name: typeof name === 'string' ? name : '', version };
  } catch {
    return { path, name: '', version: '' };
  }
}

/**
 * Holds packages that the lock file says are inside an archive to what is there.
 * Attack: the lock file names a version without advisories for the one that the archive brings along.
 * @throws {HermeticBuildError} `PACKAGE_MISMATCH`
 */
export function assertInner(label: string, { inner }: ArchiveFacts, locked: readonly InnerPackage[]): void {
  for (const { path, name, version } of locked) {
    const found = inner.find((entry) => entry.path === path);
    if (found?.name === name && bare(found.version) === bare(version)) continue;
    const there = found === undefined ? 'nothing there' : `${found.name}@${found.version} there`.slice(0, 200);
    throw mismatch(label, `the lock file has ${name}@${version} at ${path.slice(0, 200)}, and it has ${there}`);
  }
}

async function readText(label: string, content: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > MAX_MANIFEST_BYTES) throw mismatch(label, `its package.json has more than ${MAX_MANIFEST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** npm drops a leading `v` or `=` and build metadata when it publishes. */
function bare(version: string): string {
  return version
    .trim()
    .replace(/^[v=\s]+/, '')
    .replace(/\+.*$/, '');
}

function mismatch(label: string, state: string): HermeticBuildError {
  return new HermeticBuildError('PACKAGE_MISMATCH', `Cannot use the archive of "${label}": ${state}`, {
    hint: 'Do not install this version; report it to the registry',
  });
}
