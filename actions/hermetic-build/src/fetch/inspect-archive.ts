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

/** What the archive says of itself. */
export interface ArchiveFacts {
  readonly licence?: string;
}

/**
 * Reads the whole archive once, so that a hostile one is refused before any user code runs, and holds its package.json to the
 * lock file's name and version: a registry answer and an archive that disagree hide what is installed ("manifest confusion").
 * @throws {HermeticBuildError} `ARCHIVE_UNSAFE`, `PACKAGE_MISMATCH`
 */
export async function inspectArchive(path: string, name: string, version: string): Promise<ArchiveFacts> {
  const label = `${name}@${version}`;
  const texts: string[] = [];
  await walkArchive(label, path, async (file, content) => {
    if (file.path === 'package.json') texts.push(await readText(label, content));
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
  return licence === undefined ? {} : { licence };
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
