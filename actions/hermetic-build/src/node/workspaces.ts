import { lstat, readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { HermeticBuildError } from '../error.js';
import { readInside } from '../kinds/read-inside.js';
import { readWanted, type Wanted } from './package-json.js';

export interface Workspace extends Wanted {
  /** Relative to the source. */
  readonly folder: string;
}

const MAX_FOLDERS = 20_000;
const MAX_WORKSPACES = 2000;
const SEGMENT = /^(?!\.{0,2}$)[^/\\\0\n\r:]+$/;

/**
 * The workspaces that patterns of a package.json name (`packages/*`, `apps/**`, `!packages/old`), in order of their folders.
 * Links are not followed, and what lies in node_modules is none.
 */
export async function findWorkspaces(sourcePath: string, patterns: readonly string[]): Promise<readonly Workspace[]> {
  if (patterns.length === 0) return [];
  const wanted = patterns.filter((pattern) => !pattern.startsWith('!')).map(matcher);
  const unwanted = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => matcher(pattern.slice(1)));
  const found: Workspace[] = [];
  for (const folder of await foldersBelow(sourcePath)) {
    if (!wanted.some((matches) => matches(folder)) || unwanted.some((matches) => matches(folder))) continue;
    const workspace = await readWorkspace(sourcePath, folder);
    if (workspace !== undefined) found.push(workspace);
    if (found.length > MAX_WORKSPACES) throw tooMany(`more than ${MAX_WORKSPACES} workspaces`);
  }
  return found;
}

/** The package.json of a folder of the source; `undefined` where there is none. */
export async function readWorkspace(sourcePath: string, folder: string): Promise<Workspace | undefined> {
  const where = posix.join(folder, 'package.json');
  const text = await readInside(sourcePath, where);
  return text === undefined ? undefined : { folder, ...readWanted(text, where) };
}

/**
 * A folder of the source that a lock file names, relative to `from`.
 * Attack: `link:../../home` would make the installation lead out of the tree.
 * @throws {HermeticBuildError} `DEPENDENCY_OUTSIDE`
 */
export function insideFolder(from: string, path: string, what: string): string {
  const folder = posix.join(from, path).replace(/\/$/, '');
  if (!path.startsWith('/') && folder.split('/').every((segment) => SEGMENT.test(segment))) return folder;
  throw new HermeticBuildError(
    'DEPENDENCY_OUTSIDE',
    `Cannot use "${what.slice(0, 200)}": it leads out of the source tree`,
    {
      hint: 'Move linked packages into the repository, or publish them',
    },
  );
}

async function foldersBelow(sourcePath: string): Promise<readonly string[]> {
  const found: string[] = [];
  const queue = [''];
  for (let folder = queue.pop(); folder !== undefined; folder = queue.pop()) {
    const entries = await readdir(join(sourcePath, folder), { withFileTypes: true });
    for (const entry of entries) {
      if (!entry.isDirectory() || entry.name === 'node_modules' || entry.name === '.git') continue;
      const path = posix.join(folder, entry.name);
      if (!(await lstat(join(sourcePath, path))).isDirectory()) continue;
      queue.push(path);
      if (found.push(path) > MAX_FOLDERS) throw tooMany(`more than ${MAX_FOLDERS} folders`);
    }
  }
  return found.sort();
}

/** `*` is a part of one segment, a segment `**` is any number of them. */
function matcher(pattern: string): (folder: string) => boolean {
  const wanted = pattern
    .replace(/^\.\//, '')
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.');
  const parts = wanted.map((segment) => (segment === '**' ? undefined : segment.split('*')));
  return (folder) => fits(folder.split('/'), parts);
}

function fits(segments: readonly string[], parts: readonly (readonly string[] | undefined)[]): boolean {
  const [part, ...rest] = parts;
  if (parts.length === 0) return segments.length === 0;
  if (part === undefined) return segments.some((_, at) => fits(segments.slice(at), rest)) || fits([], rest);
  const [segment, ...others] = segments;
  return segment !== undefined && fitsSegment(segment, part) && fits(others, rest);
}

function fitsSegment(segment: string, texts: readonly string[]): boolean {
  const [first = '', ...rest] = texts;
  const last = rest.pop();
  if (last === undefined) return segment === first;
  if (!segment.startsWith(first) || segment.length < first.length + last.length || !segment.endsWith(last))
    return false;
  let at = first.length;
  for (const text of rest) {
    at = segment.indexOf(text, at);
    if (at === -1) return false;
    at += text.length;
  }
  return at <= segment.length - last.length;
}

function tooMany(state: string): HermeticBuildError {
  return new HermeticBuildError('SOURCE_UNSAFE', `Cannot look for workspaces: the source has ${state}`, {
    hint: 'Build from a fresh checkout, with source-path at the project',
  });
}
