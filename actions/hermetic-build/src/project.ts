import { posix } from 'node:path';
import { type Digest, sha256 } from '@paved/digest';
import { HermeticBuildError } from './error.js';
import { readInside } from './kinds/read-inside.js';
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
        hint: 'Set source-path to the folder of the lock file',
      },
    );
  }
  const text = await readText(sourcePath, clean);
  const lockfile = parseLockfile(text);
  for (const [folder, entry] of [['', lockfile.root] as const, ...lockfile.workspaces]) {
    const where = posix.join(folder, 'package.json');
    assertInSync(`"${where}"`, await readText(sourcePath, where), entry);
  }
  return { lockfile, lockfileDigest: sha256(text), nodes: installedTree(lockfile, currentPlatform()) };
}

async function readText(root: string, path: string): Promise<string> {
  const text = await readInside(root, path);
  if (text === undefined) throw missing(path);
  return text;
}

function missing(path: string): HermeticBuildError {
  return new HermeticBuildError('LOCKFILE_MISSING', `Cannot read "${path}": there is no such file`, {
    hint: 'Run "npm install --package-lock-only" and commit package-lock.json beside package.json',
  });
}
