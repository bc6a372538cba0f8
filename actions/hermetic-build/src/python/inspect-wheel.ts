import { HermeticBuildError } from '../error.js';
import { walkZip } from '../kinds/zip.js';
import { normalName, sameVersion } from './wheel.js';

const MAX_METADATA_BYTES = 4 * 1024 * 1024;

/**
 * Reads the whole wheel once, so that a hostile one is refused before it is installed, and holds its METADATA to the lock file's
 * name and version.
 * @throws {HermeticBuildError} `ARCHIVE_UNSAFE`, `PACKAGE_MISMATCH`
 */
export async function inspectWheel(
  label: string,
  path: string,
  wanted: { readonly name: string; readonly version: string },
): Promise<void> {
  const texts: string[] = [];
  await walkZip(label, path, async (name, content) => {
    if (!/^[^/]+\.dist-info\/METADATA$/.test(name)) {
      content.resume();
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of content as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_METADATA_BYTES) throw mismatched(label, 'its METADATA is too large');
      chunks.push(chunk);
    }
    texts.push(Buffer.concat(chunks).toString('utf8'));
  });
  const [text, second] = texts;
  if (text === undefined || second !== undefined) throw mismatched(label, 'it has not exactly one METADATA');
  const head = text.split(/\r?\n\r?\n/)[0] ?? '';
  const field = (name: string) => new Map(head.split(/\r?\n/).map(pair)).get(name) ?? '';
  if (normalName(field('name')) !== wanted.name) throw mismatched(label, 'its METADATA has another name');
  if (!sameVersion(field('version'), wanted.version)) throw mismatched(label, 'its METADATA has another version');
}

function pair(line: string): readonly [string, string] {
  const cut = line.indexOf(':');
  return [line.slice(0, Math.max(cut, 0)).toLowerCase(), line.slice(cut + 1).trim()];
}

function mismatched(label: string, state: string): HermeticBuildError {
  return new HermeticBuildError('PACKAGE_MISMATCH', `Cannot use the wheel of "${label}": ${state}`, {
    hint: 'Do not install this version; report it to the index',
  });
}
