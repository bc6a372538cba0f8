import { lstat, mkdir, readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, posix, relative } from 'node:path';
import type { BuildOutput } from '@paved/attestation';
import { copyRegularFile, type FileProblem, type ListedFile } from '@paved/digest';
import { HermeticBuildError } from '../error.js';

export interface CollectOptions {
  readonly buildPath: string;
  readonly artifactPath: string;
  /** Relative to the copy of the source: a file, a folder, or a pattern with `*` and `**`. */
  readonly patterns: readonly string[];
  readonly maxBytes: number;
}

const MAX_FILES = 10_000;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNSAFE_NAME = /[\0-\x1f\x7f\\\u{fffd}]/u;

/**
 * Copies what the build left to `artifactPath`: a file under its name, a folder's files under their path in it, a pattern's
 * matches under their path behind the fixed part. The tree was written by user code, so links are refused, never followed; without a
 * sandbox such code may still run, so each file has to be the one that was listed when it is read.
 * @throws {HermeticBuildError} `OUTPUT_MISSING`, `OUTPUT_UNSAFE`, `OUTPUT_CONFLICT`, `OUTPUT_TOO_LARGE`
 */
export async function collectOutputs(options: CollectOptions): Promise<readonly BuildOutput[]> {
  const realRoot = await realpath(options.buildPath);
  const chosen = await chooseOutputs(options);
  const { maxBytes } = options;
  const outputs: BuildOutput[] = [];
  let left = maxBytes;
  for (const [path, source] of [...chosen].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const listed = { path: source, realPath: join(realRoot, relative(options.buildPath, source)) };
    const { size, digest } = await copyOutput(path, listed, options.artifactPath, left, maxBytes);
    left -= size;
    outputs.push({ path, size, sha256: digest });
  }
  return outputs;
}

/** Path in the artifact folder to path in the tree. */
async function chooseOutputs({ buildPath, patterns }: CollectOptions): Promise<ReadonlyMap<string, string>> {
  const chosen = new Map<string, string>();
  for (const pattern of patterns) {
    const found = await match(buildPath, pattern);
    if (found.length === 0) throw missing(pattern);
    for (const { source, path } of found) {
      const known = chosen.get(path);
      if (known !== undefined && known !== source) throw conflict(path);
      chosen.set(path, source);
    }
  }
  if (chosen.size > MAX_FILES) throw tooLarge(`they are more than ${MAX_FILES} files`);
  return chosen;
}

async function copyOutput(path: string, listed: ListedFile, artifactPath: string, left: number, maxBytes: number) {
  const target = join(artifactPath, path);
  await mkdir(dirname(target), { recursive: true });
  return await copyRegularFile(listed, target, left, (problem: FileProblem, _name, state) =>
    problem === 'too-large'
      ? tooLarge(`together they exceed ${maxBytes} bytes`)
      : unsafe(path, `${state}; it changed after the command had ended`),
  );
}

interface Match {
  readonly source: string;
  /** Relative to the artifact folder. */
  readonly path: string;
}

async function match(root: string, pattern: string): Promise<readonly Match[]> {
  const segments = pattern.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (pattern.startsWith('/') || segments.includes('..') || segments.some((segment) => UNSAFE_NAME.test(segment))) {
    throw unsafe(pattern, 'it is not a path inside the source tree');
  }
  const wild = segments.findIndex((segment) => segment.includes('*'));
  const fixed = wild === -1 ? segments : segments.slice(0, wild);
  const base = await resolveFixed(root, pattern, fixed);
  if (base === undefined) return [];
  if (wild === -1 && base.isFile) return [{ source: base.path, path: basename(base.path) }];
  if (base.isFile) return [];
  const files = await filesBelow(base.path, wild === -1 ? ['**'] : segments.slice(wild));
  return files.map((path) => ({ source: join(base.path, path), path }));
}

/** Each part is looked at without following links, so `dist` cannot be a link to the runner's home. */
async function resolveFixed(root: string, pattern: string, segments: readonly string[]) {
  let path = root;
  let isFile = false;
  for (const segment of segments) {
    path = join(path, segment);
    const info = await lstat(path).catch(() => undefined);
    if (info === undefined) return undefined;
    if (!info.isFile() && !info.isDirectory()) throw unsafe(pattern, 'a part of it is a link or no file');
    isFile = info.isFile();
  }
  return { path, isFile };
}

async function filesBelow(base: string, segments: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  async function walk(folder: string): Promise<void> {
    for (const entry of await readdir(join(base, folder), { withFileTypes: true })) {
      const path = posix.join(folder, entry.name);
      if (entry.isDirectory()) {
        await walk(path);
        continue;
      }
      if (!matches(path.split('/'), segments)) continue;
      if (!entry.isFile()) throw unsafe(path, 'it is a link or no file');
      if (UNSAFE_NAME.test(path)) throw unsafe(path, 'its name has control characters, a backslash or is not UTF-8');
      if (found.push(path) > MAX_FILES) throw tooLarge(`they are more than ${MAX_FILES} files`);
    }
  }
  await walk('');
  return found;
}

/** `*` is any run of characters within a name, `**` any number of folders, at the end everything below. */
function matches(path: readonly string[], pattern: readonly string[]): boolean {
  const [segment, ...rest] = pattern;
  const [name, ...below] = path;
  if (segment === undefined) return path.length === 0;
  if (segment === '**') {
    if (rest.length === 0) return path.length > 0;
    return matches(path, rest) || (name !== undefined && matches(below, pattern));
  }
  return name !== undefined && nameMatches(segment, name) && matches(below, rest);
}

/** No regular expression is built from outside text. */
function nameMatches(pattern: string, name: string): boolean {
  const parts = pattern.split(/\*+/);
  const [first = ''] = parts;
  const last = parts.at(-1) ?? '';
  if (parts.length === 1) return pattern === name;
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false;
  let position = first.length;
  for (const part of parts.slice(1, -1)) {
    const at = name.indexOf(part, position);
    if (at === -1) return false;
    position = at + part.length;
  }
  return position <= name.length - last.length;
}

function missing(pattern: string): HermeticBuildError {
  return new HermeticBuildError('OUTPUT_MISSING', `Cannot collect "${pattern}": the build left no such file`, {
    hint: 'Set output-path to files or folders that the command writes, relative to source-path',
  });
}

function unsafe(path: string, state: string): HermeticBuildError {
  return new HermeticBuildError('OUTPUT_UNSAFE', `Cannot collect ${JSON.stringify(path.slice(0, 200))}: ${state}`, {
    hint: 'Let the build write regular files with plain names',
  });
}

function conflict(path: string): HermeticBuildError {
  return new HermeticBuildError('OUTPUT_CONFLICT', `Cannot collect "${path}": two entries of output-path bring it`, {
    hint: 'Name one folder that holds both, or give the files different names',
  });
}

function tooLarge(state: string): HermeticBuildError {
  return new HermeticBuildError('OUTPUT_TOO_LARGE', `Cannot collect the outputs: ${state}`, {
    hint: 'Narrow output-path, or raise max-output-mebibytes',
  });
}
