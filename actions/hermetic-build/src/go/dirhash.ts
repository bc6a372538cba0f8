import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { HermeticBuildError } from '../error.js';
import { walkZip } from '../kinds/zip.js';

/**
 * The `h1:` hash of a module's zip as go.sum has it: SHA-256 over one line `<sha256 of the file>  <name>` per file, sorted by
 * name, in base64 (golang.org/x/mod/sumdb/dirhash, Hash1). It covers names and contents, not how the zip is packed.
 * @param prefix `module@version/`, where each name must begin
 * @throws {HermeticBuildError} `ARCHIVE_UNSAFE`
 */
export async function hashModuleZip(label: string, path: string, prefix: string): Promise<string> {
  const files = new Map<string, string>();
  await walkZip(label, path, async (name, content) => {
    if (!name.startsWith(prefix)) {
      content.destroy();
      throw new HermeticBuildError('ARCHIVE_UNSAFE', `Cannot use "${label}": it has a file outside of "${prefix}"`, {
        hint: 'Take another version of the module: go refuses this archive as well',
      });
    }
    const hash = createHash('sha256');
    await pipeline(content, hash);
    files.set(name, hash.digest('hex'));
  });
  return hash1(files);
}

/** The `h1:` hash of a go.mod, which go.sum lists as the version `<version>/go.mod`. */
export async function hashGoMod(path: string): Promise<string> {
  return hash1(
    new Map([
      [
        'go.mod',
        createHash('sha256')
          .update(await readFile(path))
          .digest('hex'),
      ],
    ]),
  );
}

/** Names compare by bytes, as Go's strings do. */
function hash1(files: ReadonlyMap<string, string>): string {
  const names = [...files.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const summary = createHash('sha256');
  for (const name of names) summary.update(`${files.get(name)}  ${name}\n`);
  return `h1:${summary.digest('base64')}`;
}
