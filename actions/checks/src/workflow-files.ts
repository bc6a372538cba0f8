import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ChecksError } from './error.js';

/** Far above what a repository has; a tree beyond is refused, not read in part. */
const MAX_ENTRIES = 500_000;
export const MAX_FILE_BYTES = 512 * 1024;

export interface WorkflowFile {
  /** Relative to the repository, with `/`. */
  readonly path: string;
  readonly kind: 'workflow' | 'action';
  /** `undefined` for what is no regular file, too large, or not UTF-8. */
  readonly text: string | undefined;
}

/**
 * Every workflow, and every action.yml anywhere in the tree. Links are not followed: what one points at is no part of the commit.
 * @throws {ChecksError} `TREE_TOO_LARGE`
 */
export async function readWorkflowFiles(root: string): Promise<readonly WorkflowFile[]> {
  const files: WorkflowFile[] = [];
  const folders = [''];
  let entries = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      entries += 1;
      if (entries > MAX_ENTRIES) {
        throw new ChecksError(
          'TREE_TOO_LARGE',
          `Cannot look through the commit: it has more than ${MAX_ENTRIES} entries`,
          { hint: 'Keep what is generated out of the repository: a commit of this size is not looked at' },
        );
      }
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      const kind = kindOf(folder, entry.name);
      if (path === '.git') continue;
      if (entry.isDirectory()) folders.push(path);
      else if (kind !== undefined) files.push({ path, kind, text: await readText(join(root, path)) });
    }
  }
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function kindOf(folder: string, name: string): WorkflowFile['kind'] | undefined {
  if (folder === '.github/workflows' && /\.ya?ml$/.test(name)) return 'workflow';
  return /^action\.ya?ml$/.test(name) ? 'action' : undefined;
}

async function readText(path: string): Promise<string | undefined> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    () => undefined,
  );
  if (handle === undefined) return undefined;
  try {
    const info = await handle.stat();
    if (!info.isFile() || info.size > MAX_FILE_BYTES) return undefined;
    return new TextDecoder('utf-8', { fatal: true }).decode(await handle.readFile());
  } catch {
    return undefined;
  } finally {
    await handle.close();
  }
}
