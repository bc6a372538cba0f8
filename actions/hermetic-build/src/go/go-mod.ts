import { posix } from 'node:path';
import { HermeticBuildError } from '../error.js';
import type { ModuleVersion } from './module-version.js';

/** `replace old [version] => new version`; a folder as replacement has no version and is part of the source. */
export interface Replacement {
  readonly path: string;
  /** Absent: every version. */
  readonly version?: string;
  readonly to: ModuleVersion | { readonly folder: string };
}

/** Lines of the block or of single directives of one kind. */
export function directives(text: string, kind: string): readonly string[] {
  const found: string[] = [];
  let block = '';
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.replace(/(^|\s)\/\/.*$/, '').trim();
    const opens = /^([a-z]+)\s*\($/.exec(line);
    if (opens !== null) block = opens[1] ?? '';
    else if (line === ')') block = '';
    else if (block === kind && line !== '') found.push(line);
    else if (block === '' && line.startsWith(`${kind} `)) found.push(line.slice(kind.length).trim());
  }
  return found;
}

/**
 * From Go 1.17 on, go.mod lists every module that the build can need (go.dev/ref/mod, "Module graph pruning").
 * Before, only go.sum does.
 */
export function listsAllModules(text: string): boolean {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(directives(text, 'go')[0] ?? '') ?? [];
  return Number(major) > 1 || Number(minor) >= 17;
}

/**
 * @param modFolder folder of the go.mod, relative to the source tree
 * @throws {HermeticBuildError} `LOCKFILE_INVALID`, `DEPENDENCY_OUTSIDE` for a folder that is not in the source tree
 */
export function replacements(text: string, modFolder: string): readonly Replacement[] {
  return directives(text, 'replace').map((line) => {
    const unquoted = line.replaceAll(/"([^"]*)"|`([^`]*)`/g, '$1$2');
    const match = /^(\S+)(?:\s+(v\S+))?\s+=>\s+(\S+)(?:\s+(v\S+))?$/.exec(unquoted);
    const [, path = '', version, target = '', targetVersion] = match ?? [];
    if (match === null) {
      throw new HermeticBuildError('LOCKFILE_INVALID', 'Cannot read go.mod: a replace directive is malformed', {
        hint: 'Run "go mod tidy" and commit go.mod and go.sum',
      });
    }
    const from = version === undefined ? { path } : { path, version };
    if (targetVersion !== undefined) return { ...from, to: { path: target, version: targetVersion } };
    return { ...from, to: { folder: insideFolder(path, target, modFolder) } };
  });
}

function insideFolder(path: string, target: string, modFolder: string): string {
  const folder = posix.normalize(posix.join(modFolder, target));
  if (!posix.isAbsolute(target) && folder !== '..' && !folder.startsWith('../')) return folder;
  throw new HermeticBuildError('DEPENDENCY_OUTSIDE', `Cannot use the replacement of "${path}": it lies outside`, {
    hint: 'Set source-path to a folder that holds both modules, or publish the other one',
  });
}

/** The last matching replacement counts; one for a version stands before one for all. */
export function replaced(module: ModuleVersion, all: readonly Replacement[]): Replacement['to'] {
  const found =
    all.find(({ path, version }) => path === module.path && version === module.version) ??
    all.find(({ path, version }) => path === module.path && version === undefined);
  return found?.to ?? module;
}
