import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { type Environment, readVariable } from './environment.js';
import { RunnerError } from './error.js';
import { quote } from './plain-text.js';
import { systemErrorCode } from './system-error.js';

/** The folders that an action may read and write: GITHUB_WORKSPACE (relative paths start there) and RUNNER_TEMP. */
export interface PathScope {
  readonly workspace: string;
  readonly temp: string;
  /** In a user's own shell every path is theirs to name; inside GitHub Actions never set. */
  readonly anywhere?: boolean;
}

const MAX_PATH = 4096;

/** GITHUB_ACTIONS cannot be changed by a workflow, so that no job can lift its own confinement. */
export function pathScope(folders: Pick<PathScope, 'workspace' | 'temp'>, environment: Environment): PathScope {
  return {
    // Read when a path is: an action without paths needs no workspace.
    get workspace() {
      return folders.workspace;
    },
    get temp() {
      return folders.temp;
    },
    anywhere: readVariable(environment, 'GITHUB_ACTIONS') !== 'true',
  };
}

/** Resolves the symbolic links of the deepest ancestor that exists and appends the rest. */
export async function realPathOf(path: string): Promise<string> {
  const rest: string[] = [];
  for (let current = path; ; current = dirname(current)) {
    try {
      return join(await realpath(current), ...rest);
    } catch (error) {
      // A dangling link would be created through later on: only what is really absent may be passed over.
      if (systemErrorCode(error) !== 'ENOENT' || (await isDanglingLink(current)) || dirname(current) === current)
        throw error;
      rest.unshift(basename(current));
    }
  }
}

/** Whether `path` is `folder` or below it; both real. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

/**
 * The real path of `text`, which may be relative to the workspace.
 * @throws {RunnerError} `INPUT_PATH_OUTSIDE` when it leaves both folders, by `..`, an absolute path or a symbolic link
 */
export async function resolveInScope(name: string, text: string, scope: PathScope): Promise<string> {
  if (text.includes('\0') || text.length > MAX_PATH) throw outside(name, text, 'it is not a path');
  const wanted = resolve(scope.workspace, text);
  let path: string;
  try {
    path = await realPathOf(wanted);
  } catch {
    throw outside(name, text, 'its symbolic links cannot be resolved');
  }
  if (scope.anywhere === true) return path;
  for (const folder of [scope.workspace, scope.temp]) {
    if (isInside(await realPathOf(folder), path)) return path;
  }
  throw outside(name, text, 'it lies outside GITHUB_WORKSPACE and RUNNER_TEMP');
}

function outside(name: string, text: string, state: string): RunnerError {
  return new RunnerError('INPUT_PATH_OUTSIDE', `Cannot use path ${quote(text)} of input "${name}": ${state}`, {
    hint: 'Name a path inside the workspace or the folder of temporary files, without links that lead out of it',
  });
}

async function isDanglingLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (stat) => stat.isSymbolicLink(),
    () => false,
  );
}
