import { readRegularFile } from '@paved/digest';
import { parseList } from './codecs.js';
import { RunnerError } from './error.js';
import { matchFiles } from './glob.js';
import { type PathScope, resolveInScope } from './path-scope.js';
import { quote } from './plain-text.js';

const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;

export async function parsePath(name: string, text: string, scope: PathScope): Promise<string> {
  if (text.includes('\n')) {
    throw new RunnerError('INPUT_INVALID', `Cannot read input "${name}": it has more than one line`, {
      hint: `Set ${name} to one path`,
    });
  }
  return await resolveInScope(name, text, scope);
}

/** Sorted, without duplicates; relative entries start at the workspace. */
export async function parsePaths(name: string, text: string, scope: PathScope): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const entry of parseList(text)) {
    if (!entry.includes('*')) {
      found.add(await resolveInScope(name, entry, scope));
      continue;
    }
    for (const path of await matchPattern(name, entry, scope)) found.add(path);
  }
  return [...found].sort();
}

async function matchPattern(name: string, pattern: string, scope: PathScope): Promise<readonly string[]> {
  const segments = pattern.split('/');
  const firstWild = segments.findIndex((segment) => segment.includes('*'));
  const base = segments.slice(0, firstWild).join('/') || (pattern.startsWith('/') ? '/' : '.');
  if (segments.slice(firstWild).some((segment) => segment === '..' || segment === '.')) {
    throw new RunnerError('INPUT_INVALID', `Cannot read pattern ${quote(pattern)} of input "${name}": it goes back`, {
      hint: 'Write patterns without . and .. behind the first *',
    });
  }
  const root = await resolveInScope(name, base, scope);
  const matches = await matchFiles(root, segments.slice(firstWild));
  if (matches.length === 0) {
    throw new RunnerError('INPUT_PATH_UNMATCHED', `Cannot use pattern ${quote(pattern)} of input "${name}": no match`, {
      hint: 'Check that the step before wrote the files; names that start with a dot match only a pattern with that dot',
    });
  }
  // A link among the matches may lead out of the scope.
  return await Promise.all(matches.map((path) => resolveInScope(name, path, scope)));
}

export async function readDocument(name: string, text: string, scope: PathScope): Promise<string> {
  if (text.startsWith('{')) return text;
  const path = await parsePath(name, text, scope);
  const bytes = await readRegularFile(path, MAX_DOCUMENT_BYTES, (_problem, _name, state, cause) => {
    const message = `Cannot read document ${quote(text)} of input "${name}": ${state}`;
    const hint = `Set ${name} to the path of a file in the workspace, or to inline JSON`;
    return new RunnerError('INPUT_DOCUMENT_UNREADABLE', message, { cause, hint });
  });
  return bytes.toString('utf8');
}
