import { HermeticBuildError } from '../error.js';

/** Lines with their ends; `start` counts from 1. */
export interface Hunk {
  readonly start: number;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** One file of a patch, relative to the package; without `from` it is new, without `to` it is deleted. */
export interface FilePatch {
  readonly from?: string;
  readonly to?: string;
  readonly executable?: boolean;
  readonly hunks: readonly Hunk[];
}

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@/;
/** Index of the sides that a line stands on; editors strip the space of an empty line. */
const SIDES: Readonly<Record<string, readonly number[]>> = { '-': [0], '+': [1], ' ': [0, 1], '\n': [0, 1] };
const SEGMENT = /^(?!\.{0,2}$)[^\\\0\n\r]+$/;

/**
 * Reads a patch as git writes it (`diff --git` or plain `---` and `+++`), with paths that start with `a/` and `b/`.
 * @throws {HermeticBuildError} `PATCH_FAILED` for binary changes, copies and paths that lead out
 */
export function parsePatch(label: string, text: string): readonly FilePatch[] {
  const lines = text.split(/(?<=\n)/);
  const files: FilePatch[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? '';
    if (!/^(?:diff --git |--- )/.test(line)) {
      at++;
      continue;
    }
    const end = endOfFile(lines, at);
    files.push(readFile(label, lines.slice(at, end)));
    at = end;
  }
  if (files.length === 0) throw refused(label, 'it changes no file');
  return files;
}

/** Hunks are counted through, because a deleted line may look like a header. */
function endOfFile(lines: readonly string[], start: number): number {
  const git = lines[start]?.startsWith('diff --git ') === true;
  let at = start + 1;
  while (at < lines.length) {
    const line = lines[at] ?? '';
    const hunk = HUNK.exec(line);
    if (hunk !== null) at = hunkEnd(lines, at, hunk);
    else if (line.startsWith('diff --git ') || (!git && line.startsWith('--- '))) break;
    else at++;
  }
  return at;
}

function hunkEnd(lines: readonly string[], start: number, hunk: RegExpExecArray): number {
  let [before, after] = [Number(hunk[2] ?? 1), Number(hunk[3] ?? 1)];
  let at = start + 1;
  for (; at < lines.length && (before > 0 || after > 0); at++) {
    const sides = SIDES[lines[at]?.[0] ?? ''] ?? [];
    if (sides.includes(0)) before--;
    if (sides.includes(1)) after--;
  }
  return lines[at]?.startsWith('\\') === true ? at + 1 : at;
}

function readFile(label: string, lines: readonly string[]): FilePatch {
  const header = lines.slice(0, firstHunk(lines));
  const field = (name: string) =>
    header
      .find((line) => line.startsWith(name))
      ?.slice(name.length)
      .replace(/[\t\r\n].*$/s, '');
  if (header.some((line) => /^(?:GIT binary patch|Binary files|copy from)/.test(line)))
    throw refused(label, 'it has a binary change or a copy');
  const [, first, second] = /^diff --git a\/(.+) b\/(.+)$/.exec((lines[0] ?? '').trimEnd()) ?? [];
  const from = field('rename from ') ?? withoutPrefix(label, field('--- ')) ?? first;
  const to = field('rename to ') ?? withoutPrefix(label, field('+++ ')) ?? second;
  const isNew = field('--- ') === '/dev/null' || header.some((line) => line.startsWith('new file mode'));
  const isDeleted = field('+++ ') === '/dev/null' || header.some((line) => line.startsWith('deleted file mode'));
  const mode = field('new file mode ') ?? field('new mode ');
  if (mode !== undefined && !/^100(?:644|755)$/.test(mode))
    throw refused(label, `it makes a file of mode ${mode.slice(0, 10)}`);
  return {
    ...(isNew || from === undefined ? {} : { from: safe(label, from) }),
    ...(isDeleted || to === undefined ? {} : { to: safe(label, to) }),
    ...(mode === undefined ? {} : { executable: mode === '100755' }),
    hunks: readHunks(label, lines.slice(header.length)),
  };
}

function firstHunk(lines: readonly string[]): number {
  const at = lines.findIndex((line) => HUNK.test(line));
  return at === -1 ? lines.length : at;
}

function withoutPrefix(label: string, path: string | undefined): string | undefined {
  if (path === undefined || path === '/dev/null') return undefined;
  const found = /^[ab]\/(.+)$/.exec(path)?.[1];
  if (found === undefined) throw refused(label, 'a path does not start with "a/" or "b/"');
  return found;
}

/** Attack: `b/../../.bashrc`. */
function safe(label: string, path: string): string {
  if (path.split('/').every((segment) => SEGMENT.test(segment))) return path;
  throw refused(label, `it has the path ${JSON.stringify(path.slice(0, 200))}`);
}

function readHunks(label: string, lines: readonly string[]): readonly Hunk[] {
  const hunks: Hunk[] = [];
  for (let at = 0; at < lines.length; ) {
    const found = HUNK.exec(lines[at] ?? '');
    if (found === null) {
      // What follows the last hunk is the signature of a mail.
      at++;
      continue;
    }
    const end = hunkEnd(lines, at, found);
    hunks.push({ start: Number(found[1]), ...sidesOf(label, lines.slice(at + 1, end)) });
    at = end;
  }
  return hunks;
}

function sidesOf(label: string, lines: readonly string[]): Pick<Hunk, 'before' | 'after'> {
  const [before, after]: [string[], string[]] = [[], []];
  let last: readonly string[][] = [];
  for (const line of lines) {
    if (line.startsWith('\\')) {
      // "No newline at end of file" is said of the line above it.
      for (const side of last) side.push((side.pop() ?? '').replace(/\n$/, ''));
      continue;
    }
    const sides = SIDES[line[0] ?? '']?.map((index) => [before, after][index] ?? []);
    if (sides === undefined) throw refused(label, 'a hunk has a line that is neither kept, added nor removed');
    for (const side of sides) side.push(line === '\n' ? line : line.slice(1));
    last = sides;
  }
  return { before, after };
}

function refused(label: string, state: string): HermeticBuildError {
  return new HermeticBuildError('PATCH_FAILED', `Cannot read the patch of "${label}": ${state}`, {
    hint: 'Write it with "yarn patch", "pnpm patch" or "git diff"',
  });
}
