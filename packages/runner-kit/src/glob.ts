import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RunnerError } from './error.js';
import { systemErrorCode } from './system-error.js';

const MAX_ENTRIES = 200_000;

/**
 * Files (and links to files) below `root` that match the pattern's segments: `*` is any run of characters within a name, `**` any
 * number of folders. Links to folders are not entered; a name that starts with a dot needs a segment that does.
 */
export async function matchFiles(root: string, segments: readonly string[]): Promise<readonly string[]> {
  const found = new Set<string>();
  let budget = MAX_ENTRIES;

  async function walk(folder: string, rest: readonly string[]): Promise<void> {
    const [segment, ...after] = rest;
    if (segment === undefined) return;
    const entries = await listFolder(folder);
    budget -= entries.length;
    if (budget < 0) throw tooMany();
    if (segment === '**' && after.length > 0) await walk(folder, after);
    for (const entry of entries) await visit(folder, entry, segment, after, rest);
  }

  async function visit(
    folder: string,
    entry: Dirent,
    segment: string,
    after: readonly string[],
    rest: readonly string[],
  ): Promise<void> {
    const path = join(folder, entry.name);
    if (segment === '**') {
      if (entry.name.startsWith('.')) return;
      if (entry.isDirectory()) await walk(path, rest);
      else if (after.length === 0) found.add(path);
      return;
    }
    if (!nameMatches(segment, entry.name)) return;
    if (after.length === 0) {
      if (!entry.isDirectory()) found.add(path);
    } else if (entry.isDirectory()) await walk(path, after);
  }

  await walk(root, segments);
  return [...found];
}

async function listFolder(folder: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

/** Linear in both lengths times the number of stars: no regular expression is built from outside text. */
function nameMatches(pattern: string, name: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false;
  const parts = pattern.split(/\*+/);
  const [first = ''] = parts;
  if (parts.length === 1) return pattern === name;
  const last = parts.at(-1) ?? '';
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false;
  let position = first.length;
  for (const part of parts.slice(1, -1)) {
    const at = name.indexOf(part, position);
    if (at < 0) return false;
    position = at + part.length;
  }
  return position <= name.length - last.length;
}

function tooMany(): RunnerError {
  return new RunnerError('INPUT_INVALID', `Cannot match a pattern: more than ${MAX_ENTRIES} entries were read`, {
    hint: 'Start the pattern at a narrower folder',
  });
}
