import { copyFile, lstat, mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sha256File } from '@paved/digest';
import { array, integer, literal, object, readJsonFile, string } from '@paved/json';
import { HermeticBuildError } from '../error.js';

/** One file of a bundle: `path` is where it belongs below the offline folder, the file itself is named after its sha256. */
export interface BundleFile {
  readonly path: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly size: number;
}

const MEDIA_TYPE = 'application/vnd.paved.bundle.v1+json';
const INDEX = 'bundle.json';
const MAX_INDEX_BYTES = 64 * 1024 * 1024;
const index = object({
  mediaType: literal(MEDIA_TYPE),
  files: array(object({ path: string, sha256: string, size: integer })),
});

export async function writeBundleIndex(bundlePath: string, files: readonly BundleFile[]): Promise<void> {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  await writeFile(join(bundlePath, INDEX), `${JSON.stringify({ mediaType: MEDIA_TYPE, files: sorted }, null, 2)}\n`);
}

/**
 * The files of a bundle by path. It lay on a disk that other steps can write to, so it only says where to look: the caller asks
 * for paths that it derives from the lock file, and checks the bytes against the lock file.
 * @throws {HermeticBuildError} `BUNDLE_INCOMPLETE`
 */
export async function readBundleIndex(bundlePath: string): Promise<ReadonlyMap<string, BundleFile>> {
  const path = join(bundlePath, INDEX);
  if ((await lstat(path).catch(() => undefined))?.isFile() !== true) throw incomplete(INDEX);
  const { files } = await readJsonFile(path, index, MAX_INDEX_BYTES);
  return new Map(files.map((file) => [file.path, file]));
}

/**
 * Copies one file of the bundle to `target` after its bytes were compared with the digest in its name.
 * @throws {HermeticBuildError} `BUNDLE_INCOMPLETE`, `INTEGRITY_MISMATCH`
 */
export async function placeFile(
  bundlePath: string,
  file: BundleFile | undefined,
  wanted: string,
  target: string,
  sourceDateEpoch: number,
): Promise<void> {
  if (file === undefined || !/^[0-9a-f]{64}$/.test(file.sha256)) throw incomplete(wanted);
  const source = join(bundlePath, file.sha256);
  if ((await lstat(source).catch(() => undefined))?.isFile() !== true) throw incomplete(wanted);
  await mkdir(dirname(target), { recursive: true });
  // Copied first and hashed then, so that nobody can change the bytes between the two.
  await copyFile(source, target);
  if (`sha256:${file.sha256}` !== (await sha256File(target))) {
    throw new HermeticBuildError('INTEGRITY_MISMATCH', `Cannot install "${wanted}": it changed in the bundle`, {
      hint: 'Run the fetch phase again, and find out which step writes to the bundle',
    });
  }
  await utimes(target, sourceDateEpoch, sourceDateEpoch);
}

function incomplete(what: string): HermeticBuildError {
  return new HermeticBuildError('BUNDLE_INCOMPLETE', `Cannot install "${what}": it is not in the bundle`, {
    hint: 'Give bundle-path the output of a fetch phase over the same lock file',
  });
}
