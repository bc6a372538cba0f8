import { posix } from 'node:path';
import { lockfileKindOf } from '@paved/bom/lockfiles';
import { openCargoProject } from '../cargo/cargo-project.js';
import { HermeticBuildError } from '../error.js';
import { FILES_LOCK, openFilesProject } from '../files/files-project.js';
import { openGoProject } from '../go/go-project.js';
import { openMavenProject } from '../maven/maven-project.js';
import { openPythonProject } from '../python/python-project.js';
import type { LockedProject } from './locked-project.js';
import { openGraphProject, openNpmProject } from './npm.js';

const SUPPORTED =
  'package-lock.json, pnpm-lock.yaml, yarn.lock, go.sum (or go.mod when there is no dependency), requirements.txt with hashes, uv.lock, poetry.lock, Cargo.lock, lockfile.json (of Maven), artifacts.lock.yaml';

/**
 * Reads the project by the kind that its lock file's name says; nothing is run and nothing fetched.
 * @throws {HermeticBuildError} `LOCKFILE_KIND`, and what the kind refuses
 */
export async function openProject(sourcePath: string, lockfilePath: string): Promise<LockedProject> {
  const path = posix.normalize(lockfilePath);
  if (path === '..' || path.startsWith('../') || path.startsWith('/')) {
    throw new HermeticBuildError('DEPENDENCY_OUTSIDE', `Cannot read lock file "${lockfilePath}": it lies outside`, {
      hint: 'Set lockfile to a path below source-path',
    });
  }
  if (posix.basename(path) === FILES_LOCK) return await openFilesProject(sourcePath, path);
  const kind = lockfileKindOf(path);
  switch (kind) {
    case 'go.sum':
    case 'go.mod':
      return await openGoProject(sourcePath, path);
    case 'requirements':
    case 'uv':
    case 'poetry':
      return await openPythonProject(sourcePath, path, kind);
    case 'cargo':
      return await openCargoProject(sourcePath, path);
    case 'maven':
      return await openMavenProject(sourcePath, path);
    case 'pnpm':
    case 'yarn':
      return await openGraphProject(sourcePath, path, kind);
    case 'npm':
      return await openNpmProject(sourcePath, path);
    default:
      // npm's own reader has the refusal for a .json file that is none.
      if (path.endsWith('.json')) return await openNpmProject(sourcePath, path);
      throw new HermeticBuildError('LOCKFILE_KIND', `Cannot read lock file "${lockfilePath}": its kind is not known`, {
        hint: `Set lockfile to one of ${SUPPORTED}`,
      });
  }
}
