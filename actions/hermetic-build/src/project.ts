import { lstat, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { type Digest, sha256 } from '@paved/digest';
import { HermeticBuildError } from './error.js';
import { assertInSync } from './lockfile/in-sync.js';
import { type Lockfile, parseLockfile } from './lockfile/lockfile.js';
import { currentPlatform } from './lockfile/platform.js';
import { installedTree, type Node } from './lockfile/tree.js';

/** The project as both phases see it. */
export interface Project {
  readonly lockfile: Lockfile;
  readonly lockfileDigest: Digest;
  /** What this machine installs, by folder. */
  readonly nodes: ReadonlyMap<string, Node>;
}

const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Reads the lock file and holds the package.json of the project and of each workspace to it.
 * @throws {HermeticBuildError} `LOCKFILE_MISSING`, `LOCKFILE_VERSION`, `LOCKFILE_OUTDATED`, `LOCKFILE_INVALID`, `SOURCE_UNSAFE`
 */
export async function readProject(sourcePath: string, lockfilePath: string): Promise<Project> {
  const clean = posix.normalize(lockfilePath);
  if (posix.dirname(clean) !== '.' || !/^[\w.-]+\.json$/.test(clean)) {
    throw new HermeticBuildError(
      'LOCKFILE_MISSING',
      `Cannot read lock file "${lockfilePath}": it is not a .json file of source-path`,
      {
        hint: 'Set source-path to the folder of the lock file; other kinds of lock files are not supported yet',
      },
    );
  }
  const text = await readInside(sourcePath, clean);
  const lockfile = parseLockfile(text);
  for (const [folder, entry] of [['', lockfile.root] as const, ...lockfile.workspaces]) {
    const where = posix.join(folder, 'package.json');
    assertInSync(`"${where}"`, await readInside(sourcePath, where), entry);
  }
  return { lockfile, lockfileDigest: sha256(text), nodes: installedTree(lockfile, currentPlatform()) };
}

/** Links are not followed: the file would not be part of the source. */
async function readInside(root: string, path: string): Promise<string> {
  let current = root;
  for (const segment of path.split('/')) {
    current = join(current, segment);
    const info = await lstat(current).catch(() => undefined);
    if (info === undefined) throw missing(path);
    if (info.isSymbolicLink()) throw new HermeticBuildError('SOURCE_UNSAFE', `Cannot read "${path}": it is a link`);
    if (info.size > MAX_BYTES) throw missing(path);
  }
  return await readFile(current, 'utf8');
}

function missing(path: string): HermeticBuildError {
  return new HermeticBuildError('LOCKFILE_MISSING', `Cannot read "${path}": there is no such file of a usable size`, {
    hint: 'Run "npm install --package-lock-only" and commit package-lock.json beside package.json',
  });
}
